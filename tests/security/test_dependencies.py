"""The lock files have a hash for every file that may be installed, and the audit judges aright."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPO

LOCKS = [
    "requirements.lock",
    "requirements-cpu.lock",
    "requirements-cuda.lock",
    ".ci/audit.lock",
]
RELEASE = re.compile(r"([\w.-]+)==(\S+)(?: ; [\w .!<>='\"()]+?)?((?: --hash=sha256:[0-9a-f]{64})+)")
HOLE = {"id": "PYSEC-1", "fix_versions": ["1.1"]}


def releases(lock: str) -> dict[str, tuple[str, int]]:
    """Version and number of hashes by name; every line must be a release."""
    text = (REPO / lock).read_text(encoding="utf-8").replace(" \\\n   ", "")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    found = [RELEASE.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if not match]
    return {m[1].lower(): (m[2], m[3].count("sha256")) for m in found if m}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_release_is_pinned_with_hashes(lock: str) -> None:
    assert min(hashes for _, hashes in releases(lock).values()) >= 1


def test_the_lock_has_what_is_required() -> None:
    pinned = {name: version for name, (version, _) in releases("requirements.lock").items()}
    text = (REPO / "requirements.txt").read_text(encoding="utf-8")
    wanted = re.findall(r"^([\w-]+)(?:\[\w+\])?==(\S+)", text, re.MULTILINE)
    assert len(wanted) > 20
    for name, version in wanted:
        assert pinned[name.lower().replace("_", "-")] == version
    assert not releases("requirements-cuda.lock").keys() & pinned.keys()
    ((name, (version, _)),) = releases("requirements-cpu.lock").items()
    assert (name, version) == ("torch", f"{pinned['torch']}+cpu")


@pytest.mark.parametrize(
    ("marker", "kept"),
    [
        ("python_version < '3.14' and (sys_platform == 'darwin' or sys_platform == 'linux')", ""),
        ("platform_machine == 'x86_64' or sys_platform == 'linux'", ' ; sys_platform != "darwin"'),
        ("sys_platform == 'darwin'", ' ; sys_platform != "linux"'),
        ("python_full_version < '3.13' or os_name == 'nt'", ' ; python_version < "3.13"'),
        ("platform_machine == 'aarch64'", " ; platform_machine == 'aarch64'"),
    ],
)
def test_a_marker_is_the_shortest_for_the_machines_of_the_lock(
    marker: str, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPO)
    shortened = runpy.run_path(".ci/lock.py")["shortened"]
    assert shortened(f"a==1 ; {marker}") == f"a==1{kept}"


def judged(*dependencies: dict[str, Any]) -> tuple[str, bool]:
    lines, bad = runpy.run_path(str(REPO / ".ci" / "audit.py"))["judge"](list(dependencies))
    return "\n".join(lines), bad


def test_a_vulnerability_that_a_release_mends_fails() -> None:
    text, bad = judged({"name": "a", "version": "1.0", "vulns": [HOLE]})
    assert bad
    assert "a 1.0: PYSEC-1, mended in 1.1" in text


def test_one_that_no_release_mends_is_only_said() -> None:
    text, bad = judged({"name": "a", "version": "1.0", "vulns": [HOLE | {"fix_versions": []}]})
    assert not bad
    assert "mended in no release" in text


def test_no_answer_is_not_called_an_audit() -> None:
    unknown = {"name": "a", "skip_reason": "not found"}
    text, bad = judged(unknown, unknown)
    assert not bad
    assert text.startswith("NOT AUDITED: the index told nothing of any of the 2 releases")
    text, bad = judged(unknown, {"name": "b", "version": "1", "vulns": []})
    assert text == "1 releases audited\nnot audited, the index told nothing: a"


def test_the_environment_is_made_of_the_lock_files() -> None:
    """With `--require-hashes`, which a lock file without hashes would be refused by."""
    text = Path(REPO / "Makefile").read_text(encoding="utf-8")
    assert "--require-hashes --no-deps -r" in text
    assert "$(INSTALL) requirements.lock" in text
