"""Raw tables on their way from the file to numbers."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm4idrec.data.rows import Ids, read_rows

names = st.lists(st.text("abc", min_size=1, max_size=2), min_size=1, max_size=30)


@given(users=names, group=st.integers(1, 7), dictionary=st.booleans())
def test_row_groups_leave_no_trace(
    users: list[str], group: int, dictionary: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each row group has a dictionary of its own, and the file may hold the strings plainly."""
    lines = list(range(2, 2 + len(users)))
    table = pa.table({"user": users, "item": users[::-1], "line": lines})
    file = tmp_path_factory.mktemp("raw") / "train.parquet"
    pq.write_table(table, file, row_group_size=group, use_dictionary=dictionary)

    read = read_rows(file)

    assert read.column_names == table.column_names
    assert [column.num_chunks for column in read.columns] == [1, 1, 1]
    for role in ("user", "item"):
        assert read[role].combine_chunks().dictionary_decode().equals(table[role].combine_chunks())
    ids = Ids.of(read, None)
    assert ids.user.to_pylist() == sorted(set(users))
    assert ids.rows(read).user.tolist() == [sorted(set(users)).index(user) for user in users]
    two = pa.concat_tables([read, read.slice(0, 1)])
    assert Ids.of(two, None).user.equals(ids.user)
