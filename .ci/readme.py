"""Run every command of README.md, in order, in a repository where `dvc repro` has been run.

What stands in backticks or in a block of `sh` and begins like a command is one, and the block of
Python too. They run as they are written, but for words that stand for the reader's own
(`STANDS_FOR`); `ELSEWHERE` has those that run in another place.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

COMMAND = re.compile(r"(make|dvc|python -m|zenml|eval) \S|\.ci/run$")
STANDS_FOR = {
    "run STAGE": "run report",
    "--stack NAME": "--stack default",
    "--to FOLDER": "--to merged",
    # Whether one version is better than another is not the question here.
    "run promote": "run promote --version 1 --force; python -m pipelines.run promote --force",
    "s3://bucket/llm4idrec": "../remote",
}
ELSEWHERE = {
    "make test": "by .ci/run",
    "make lint": "by .ci/run",
    ".ci/run": "as what runs this",
    "make clean": "at the end",
    "python -m tests.kill": "by tests/kill/test_kill.py, some of its points",
    "make ui": "by tests/pipelines/test_run.py",
    "dvc add": "not without a file of one's own",
    "dvc remote add --default team ssh://host/srv/llm4idrec": "not without a host",
    "zenml stack import stacks/kubernetes.yaml": "by tests/pipelines/test_stacks.py",
    "python -m pipelines.run all --stack team --settings my-run.yaml": "by the same",
}
BLOCKS = re.compile(r"```(?P<kind>\w*)\n(?P<block>.*?)```|`(?P<inline>[^`]+)`", re.DOTALL)


def commands(readme: str) -> list[str]:
    """Each once, in the order in which they first come."""
    found = []
    for match in BLOCKS.finditer(readme):
        if match["kind"] == "python":
            setting = 'eval "$(python -m pipelines.environment)"'
            found.append(f"{setting}\npython - <<'PYTHON'\n{match['block']}PYTHON")
        elif match["kind"] == "sh":
            lines = (re.sub(r"\s+#.*", "", line) for line in match["block"].splitlines())
            found += [line for line in lines if COMMAND.match(line)]
        elif match["inline"]:
            text = " ".join(match["inline"].split())
            found += [text] if COMMAND.match(text) else []
    return list(dict.fromkeys(found))


def literal(command: str) -> str:
    for words, own in STANDS_FOR.items():
        command = command.replace(words, own)
    return command


def main() -> None:
    pairs = Path("artifacts/augmented/interactions.csv").read_text(encoding="utf-8").splitlines()
    histories = ["user,item", *(",".join(line.split(",")[:2]) for line in pairs[1:4])]
    Path("new.csv").write_text("\n".join(histories) + "\n", encoding="utf-8")
    elsewhere = dict(ELSEWHERE)
    for command in commands(Path("README.md").read_text(encoding="utf-8")):
        print(f"-- {command}", flush=True)
        if where := elsewhere.pop(command, None):
            print(f"run {where}")
            continue
        run = subprocess.run(["bash", "-euo", "pipefail", "-c", literal(command)], check=False)
        if run.returncode:
            sys.exit(f"README.md: this command ended with {run.returncode}")
    subprocess.run(["make", "clean"], check=True)
    if elsewhere:
        sys.exit(f"README.md has no longer: {', '.join(elsewhere)}")


if __name__ == "__main__":
    main()
