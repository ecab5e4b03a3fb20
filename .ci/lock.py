"""Write the lock files anew, with the hashes of all files of each release: `make lock`.

requirements.lock is everything that requirements.txt needs; requirements-cuda.lock what torch's
build for CUDA needs beside it; .ci/audit.lock what `.ci/audit.py` runs. Pins that are there stay
where they suit. The package index's hashes are taken, and for torch also that of the file that
pip, as it is configured, takes here: the CPU's build is on other indexes only.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

UV, AUDIT = "uv==0.13.9", "pip-audit==2.10.1"
CUDA = re.compile(r"(nvidia-|cuda-|triton==)")
HEADS = {
    "requirements.lock": "Everything requirements.txt needs, at exact versions, with the hashes of "
    "all their files\n# (Python 3.11, Linux). Written by `make lock`.",
    "requirements-cuda.lock": "What torch's build for CUDA needs beside requirements.lock.",
    ".ci/audit.lock": "What .ci/audit.py runs.",
}
Releases = dict[str, set[str]]
"""Hashes by `name==version`."""


def compile_lock(uv: Path, requirements: str, kept: Path) -> Releases:
    """What `requirements` needs; pins of the lock file `kept` stay if they suit."""
    with tempfile.TemporaryDirectory() as scratch:
        given, out = Path(scratch, "requirements.txt"), Path(scratch, "lock")
        given.write_text(requirements, encoding="utf-8")
        if kept.is_file():
            out.write_text(kept.read_text(encoding="utf-8"), encoding="utf-8")
        options = ["--generate-hashes", "--no-annotate", "--no-header", "--python-version", "3.11"]
        command = [uv, "pip", "compile", given, *options, "--quiet", "--output-file", out]
        subprocess.run(command, check=True)
        return read_lock(out)


def read_lock(path: Path) -> Releases:
    releases: Releases = {}
    for word in path.read_text(encoding="utf-8").split():
        if "==" in word:
            hashes = releases.setdefault(word, set())
        elif word.startswith("--hash="):
            hashes.add(word.removeprefix("--hash="))
    return releases


def hash_taken_here(release: str) -> str:
    """Of the file that pip takes for a release."""
    with tempfile.TemporaryDirectory() as scratch:
        options = ["--quiet", "--no-deps", "--dest", scratch]
        command = [sys.executable, "-m", "pip", "download", *options, release]
        subprocess.run(command, check=True)
        (file,) = Path(scratch).iterdir()
        with file.open("rb") as stream:
            return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def write_lock(name: str, releases: Releases) -> None:
    lines = [f"# {HEADS[name]}"]
    for release in sorted(releases):
        hashes = (f"    --hash={digest}" for digest in sorted(releases[release]))
        lines.append(" \\\n".join([release, *hashes]))
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    main_lock, cuda_lock, audit_lock = map(Path, HEADS)
    before = read_lock(main_lock)
    with tempfile.TemporaryDirectory() as scratch:
        venv.create(scratch, with_pip=True)
        python, uv = Path(scratch, "bin", "python"), Path(scratch, "bin", "uv")
        subprocess.run([python, "-m", "pip", "install", "--quiet", UV], check=True)
        every = compile_lock(uv, Path("requirements.txt").read_text(encoding="utf-8"), main_lock)
        audit = compile_lock(uv, AUDIT, audit_lock)
    torch = next(release for release in every if release.startswith("torch=="))
    every[torch] |= before.get(torch, set()) | {hash_taken_here(torch)}
    cuda = {release: hashes for release, hashes in every.items() if CUDA.match(release)}
    write_lock(str(main_lock), {k: v for k, v in every.items() if k not in cuda})
    write_lock(str(cuda_lock), cuda)
    write_lock(str(audit_lock), audit)


if __name__ == "__main__":
    main()
