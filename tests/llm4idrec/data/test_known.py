from llm4idrec.data.known import known_before_test
from tests.llm4idrec.arrays import interactions


def test_validation_pairs_of_the_catalogue_are_known_before_the_test() -> None:
    train = interactions([0, 0, 1], [1, 0, 1], (3, 2), timestamp=[10, 20, 5])
    valid = interactions([0, 1, 1, 2], [3, 0, 2, 1], (3, 4), timestamp=[30, 1, 9, 7])
    known = known_before_test(train, valid)
    assert (known.n_users, known.n_items) == (3, 2)
    assert known.timestamp is not None
    columns = [column.tolist() for column in (known.user, known.item, known.timestamp)]
    assert columns == [[0, 0, 1, 1, 2], [1, 0, 0, 1, 1], [10, 20, 1, 5, 7]]


def test_without_a_time() -> None:
    known = known_before_test(interactions([0], [1], (2, 2)), interactions([1], [0], (2, 2)))
    assert known == interactions([0, 1], [1, 0], (2, 2))
