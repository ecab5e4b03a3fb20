"""Ask the package index whether a pinned release has a known vulnerability.

Exit code 1 if one has, and there is a release without; where the index tells nothing of a release,
or of all, that is said. pip-audit (.ci/audit.lock) does the asking, in an environment of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

LOCKS = ("requirements.lock", "requirements-cuda.lock")
ACCEPTED: dict[str, str] = {}
"""Vulnerabilities, by ID, that stay for now, and why: no release without suits the others."""


def judge(dependencies: list[dict[str, Any]]) -> tuple[list[str], bool]:
    """Lines to print of pip-audit's answer, and whether something is to be mended."""
    lines, bad = [], False
    for dependency in dependencies:
        for hole in dependency.get("vulns", []):
            fixed = ", ".join(hole["fix_versions"]) or "no release"
            reason = ACCEPTED.get(hole["id"])
            bad |= bool(hole["fix_versions"]) and reason is None
            note = f" (accepted: {reason})" if reason else ""
            release = f"{dependency['name']} {dependency['version']}"
            lines.append(f"{release}: {hole['id']}, mended in {fixed}{note}")
    unknown = [d["name"] for d in dependencies if "skip_reason" in d]
    asked = len(dependencies) - len(unknown)
    if not asked:
        lines.append(
            f"NOT AUDITED: the index told nothing of any of the {len(unknown)} releases; this is "
            "no word that they are without known vulnerabilities"
        )
        return lines, bad
    lines.append(f"{asked} releases audited")
    if unknown:
        lines.append(f"not audited, the index told nothing: {', '.join(unknown)}")
    return lines, bad


def ask(scratch: Path) -> list[dict[str, Any]]:
    """pip-audit's answer; every release unknown if it cannot be installed, or gives none."""
    venv.create(scratch, with_pip=True)
    install = ["-m", "pip", "install", "--quiet", "--require-hashes", "-r", ".ci/audit.lock"]
    if subprocess.run([str(scratch / "bin" / "python"), *install], check=False).returncode:
        return unknown()
    command = [str(scratch / "bin" / "pip-audit"), "--format", "json", "--progress-spinner", "off"]
    command += ["--require-hashes", "--disable-pip"]
    command += [part for lock in LOCKS for part in ("--requirement", lock)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        dependencies: list[dict[str, Any]] = json.loads(run.stdout)["dependencies"]
    except ValueError:
        print(run.stderr.strip().rpartition("\n")[2], file=sys.stderr)
        return unknown()
    return dependencies


def unknown() -> list[dict[str, Any]]:
    words = (word for lock in LOCKS for word in Path(lock).read_text("utf-8").split())
    names = (word.partition("==")[0] for word in words if "==" in word)
    return [{"name": name, "skip_reason": "no answer"} for name in names]


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        lines, bad = judge(ask(Path(scratch)))
    print("\n".join(lines))
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
