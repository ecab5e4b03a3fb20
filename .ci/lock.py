"""Write the lock files anew, with the hashes of all files of each release: `make lock`.

requirements.lock is everything that requirements.txt needs; requirements-cpu.lock torch's build for
the CPU, which the usual index does not have: it is written where pip, as it is configured, finds
one, with the hash of that file; requirements-cuda.lock what the usual index's torch needs beside
it on Linux; .ci/audit.lock what `.ci/audit.py` runs. Pins that are there stay where they suit.
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
    "requirements-cpu.lock": "torch's build for the CPU (Python 3.11, Linux).",
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
            out.write_text("\n".join(read_lock(kept)), encoding="utf-8")  # without its hashes
        options = ["--generate-hashes", "--no-annotate", "--no-header", "--python-version", "3.11"]
        command = [str(uv), "pip", "compile", str(given), *options, "--quiet"]
        command += ["--output-file", str(out)]
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


def taken_here(release: str) -> Releases:
    """The file that pip takes for a release, by its own version, as in `torch==2.13.0+cpu`."""
    with tempfile.TemporaryDirectory() as scratch:
        options = ["--quiet", "--no-deps", "--dest", scratch]
        command = [sys.executable, "-m", "pip", "download", *options, release]
        subprocess.run(command, check=True)
        (file,) = Path(scratch).iterdir()
        with file.open("rb") as stream:
            digest = f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
        return {"==".join(file.name.split("-")[:2]): {digest}}


def write_lock(name: str, releases: Releases) -> None:
    lines = [f"# {HEADS[name]}"]
    for release in sorted(releases):
        hashes = (f"    --hash={digest}" for digest in sorted(releases[release]))
        lines.append(" \\\n".join([release, *hashes]))
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        venv.create(scratch, with_pip=True)
        python, uv = Path(scratch, "bin", "python"), Path(scratch, "bin", "uv")
        subprocess.run([python, "-m", "pip", "install", "--quiet", UV], check=True)
        wanted = Path("requirements.txt").read_text(encoding="utf-8")
        every = compile_lock(uv, wanted, Path("requirements.lock"))
        audit = compile_lock(uv, AUDIT, Path(".ci/audit.lock"))
    torch = taken_here(next(release for release in every if release.startswith("torch==")))
    cuda = {release: hashes for release, hashes in every.items() if CUDA.match(release)}
    write_lock("requirements.lock", {k: v for k, v in every.items() if k not in cuda})
    write_lock("requirements-cuda.lock", cuda)
    write_lock(".ci/audit.lock", audit)
    if all(release.endswith("+cpu") for release in torch):
        write_lock("requirements-cpu.lock", torch)
    else:
        print("pip finds no build of torch for the CPU: requirements-cpu.lock stays as it is")


if __name__ == "__main__":
    main()
