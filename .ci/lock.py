"""Write the lock files anew, with the hashes of all files of each release: `make lock`.

requirements.lock is everything that requirements.txt needs, for the machines of `TARGETS`;
requirements-cpu.lock torch's build for the CPU, which the usual index does not have: it is written
where pip, as it is configured, finds one, with the hashes of those files; requirements-cuda.lock
what the usual index's torch needs beside it on Linux; .ci/audit.lock what `.ci/audit.py` runs.
Pins that are there stay where they suit.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

from packaging.markers import Marker

UV, AUDIT = "uv==0.13.9", "pip-audit==2.10.1"
CUDA = re.compile(r"(nvidia-|cuda-|triton==)")
CLASSIFIER = "Programming Language :: Python :: 3."
PYTHONS = [
    f"3.{classifier.removeprefix(CLASSIFIER)}"
    for classifier in tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"][
        "classifiers"
    ]
    if classifier.startswith(CLASSIFIER)
]
TARGETS = [
    {
        "sys_platform": system,
        "platform_machine": machine,
        "python_version": python,
        "python_full_version": f"{python}.0",
    }
    for system, machine in (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"))
    for python in PYTHONS
]
"""`tool.uv.environments` in pyproject.toml, machine by machine."""
MARKERS = (
    'sys_platform != "darwin"',
    'sys_platform != "linux"',
    *(f'python_version < "{python}"' for python in PYTHONS[1:]),
)
"""Those that are enough, as a rule."""
HEADS = {
    "requirements.lock": "Everything requirements.txt needs, at exact versions, with the hashes of "
    "all their files\n# (Python {pythons}, Linux and macOS). Written by `make lock`.",
    "requirements-cpu.lock": "torch's build for the CPU on Linux, as far as the index that was "
    "asked has it: Python {pythons}.",
    "requirements-cuda.lock": "What torch's build for CUDA needs beside requirements.lock.",
    ".ci/audit.lock": "What .ci/audit.py runs.",
}
Releases = dict[str, set[str]]
"""Hashes by `name==version`, with `; marker` where not every target needs it."""


def compile_lock(uv: Path, requirements: str, *kept: Path) -> Releases:
    """What `requirements` needs; pins of the lock files `kept` stay if they suit."""
    with tempfile.TemporaryDirectory() as scratch:
        given, out = Path(scratch, "requirements.txt"), Path(scratch, "lock")
        given.write_text(requirements, encoding="utf-8")
        pins = [release for lock in kept if lock.is_file() for release in read_lock(lock)]
        out.write_text("\n".join(pins), encoding="utf-8")  # without their hashes
        options = ["--universal", "--fork-strategy", "fewest", "--python-version", PYTHONS[0]]
        options += ["--generate-hashes", "--no-annotate", "--no-header", "--quiet"]
        command = [str(uv), "pip", "compile", str(given), *options, "--output-file", str(out)]
        subprocess.run(command, check=True)
        return {shortened(release): hashes for release, hashes in read_lock(out).items()}


def read_lock(path: Path) -> Releases:
    releases: Releases = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        word = line.removesuffix("\\").strip()
        if word and not word.startswith(("#", "--hash=")):
            hashes = releases.setdefault(word, set())
        elif word.startswith("--hash="):
            hashes.add(word.removeprefix("--hash="))
    return releases


def shortened(release: str) -> str:
    """With the shortest marker that says the same of every target.

    >>> shortened("a==1 ; python_version >= '3' and sys_platform == 'linux'")
    'a==1 ; sys_platform != "darwin"'
    """
    pin, _, marker = (part.strip() for part in release.partition(";"))
    needed = [not marker or Marker(marker).evaluate(target) for target in TARGETS]
    if all(needed):
        return pin
    same = (short for short in MARKERS if needed == [Marker(short).evaluate(t) for t in TARGETS])
    return f"{pin} ; {next(same, marker)}"


def cpu_builds(torch: str) -> tuple[list[str], Releases]:
    """The versions of Python that pip finds a build for the CPU for, and the hashes of these."""
    pythons, release = [], f"{torch}+cpu"
    found: Releases = {release: set()}
    for python in PYTHONS:
        with tempfile.TemporaryDirectory() as scratch:
            options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--python-version", python]
            command = [sys.executable, "-m", "pip", "download", *options, "--dest", scratch]
            if subprocess.run([*command, release], capture_output=True, check=False).returncode:
                continue
            (file,) = Path(scratch).iterdir()
            with file.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        pythons.append(python)
        found[release].add(f"sha256:{digest}")
    return pythons, found


def write_lock(name: str, releases: Releases, pythons: list[str]) -> None:
    if not any(releases.values()):
        print(f"{name} stays as it is: the index that was asked has nothing for it")
        return
    lines = ["# " + HEADS[name].format(pythons=", ".join(pythons))]
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
        locks = Path("requirements.lock"), Path("requirements-cuda.lock")
        every = compile_lock(uv, wanted, *locks)
        audit = compile_lock(uv, AUDIT, Path(".ci/audit.lock"))
    cuda = {release: hashes for release, hashes in every.items() if CUDA.match(release)}
    write_lock("requirements.lock", {k: v for k, v in every.items() if k not in cuda}, PYTHONS)
    write_lock("requirements-cuda.lock", cuda, PYTHONS)
    write_lock(".ci/audit.lock", audit, PYTHONS)
    torch = next(release for release in every if release.startswith("torch=="))
    pythons, found = cpu_builds(torch)
    write_lock("requirements-cpu.lock", found, pythons)


if __name__ == "__main__":
    main()
