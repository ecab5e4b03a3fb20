"""Run every command of README.md and the guide, in a repository where `dvc repro` has been run.

What stands in backticks or in a block of `sh` and begins like a command is one, and a block of
`python` too (one of `py` is not). They run in the order of the pages, as they are written, but for
words that stand for the reader's own (`STANDS_FOR`); `ELSEWHERE` has those that run in another
place. With `--list` they are only shown.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

GUIDE = Path("docs/guide")
NAMES = [
    *("own-data", "verdict", "generator", "recommenders", "export", "commands", "tuning"),
    *("registry", "replay", "gpu", "team", "limits", "map"),
]
PAGES = [Path("README.md"), *(GUIDE / f"{name}.md" for name in NAMES)]
OTHERS = {
    "own-recommender.md": "by tests/llm4idrec/own/test_manual.py",
    "scale.md": "by hand, for hours",
    **dict.fromkeys(("index.md", "python.md", "glossary.md"), "no commands"),
}
"""Pages of the guide that are not run here, and why."""
COMMAND = re.compile(r"(make|dvc|(\.venv/bin/)?python -m|llm4idrec|zenml|eval) [^.]|\.ci/run$")
STANDS_FOR = {
    "run STAGE": "run report",
    "serve NAME": "serve ease",
    "--stack NAME": "--stack default",
    "--to FOLDER": "--to merged",
    # Whether one version is better than another is not the question here.
    "run promote": "run promote --version 1 --force; python -m pipelines.run promote --force",
    "s3://bucket/llm4idrec": "../remote",
}
ELSEWHERE = {
    "make test": "by .ci/run",
    "make test-all": "by .ci/run",
    "make lint": "by .ci/run",
    ".ci/run": "as what runs this",
    "make clean": "at the end",
    "python -m tests.kill": "by tests/kill/test_kill.py, some of its points",
    "make ui": "by tests/pipelines/tracking/test_interface.py",
    ".venv/bin/python -m llm4idrec init FILE": "by tests/llm4idrec/survey",
    "llm4idrec init FILE": "by the same",
    "llm4idrec init ratings.csv.gz": "by the same",
    "llm4idrec run": "by tests/llm4idrec/runtime/test_threads.py, as python -m llm4idrec run",
    "python -m benchmarks.serving": "by hand, for minutes",
    "llm4idrec prepare && llm4idrec replay --recommender ials": "by tests/kill/test_replay.py",
    "python -m stacks.nightly COMMAND": "by tests/pipelines/test_nightly.py",
    "dvc add": "not without a file of one's own",
    "dvc remote add --default team ssh://host/srv/llm4idrec": "not without a host",
    "zenml stack import stacks/kubernetes.yaml": "by tests/pipelines/test_stacks.py",
    "python -m pipelines.run all --stack team --settings my-run.yaml": "by the same",
}
BLOCKS = re.compile(r"```(?P<kind>\w*)\n(?P<block>.*?)```|`(?P<inline>[^`]+)`", re.DOTALL)


def commands(text: str) -> list[str]:
    """Each once, in the order in which they first come."""
    found = []
    for match in BLOCKS.finditer(text):
        if match["kind"] == "python":
            setting = 'eval "$(python -m pipelines.environment)"'
            found.append(f"{setting}\npython - <<'PYTHON'\n{match['block']}PYTHON")
        elif match["kind"] == "sh":
            lines = (re.sub(r"\s+#.*", "", line) for line in match["block"].splitlines())
            found += [line for line in lines if COMMAND.match(line)]
        elif match["inline"]:
            inline = " ".join(match["inline"].split())
            found += [inline] if COMMAND.match(inline) else []
    return list(dict.fromkeys(found))


def literal(command: str) -> str:
    for words, own in STANDS_FOR.items():
        command = command.replace(words, own)
    return command


def main() -> None:
    found = commands("\n\n".join(page.read_text(encoding="utf-8") for page in PAGES))
    if "--list" in sys.argv:
        print("\n".join(found))
        return
    pairs = Path("artifacts/augmented/interactions.csv").read_text(encoding="utf-8").splitlines()
    histories = ["user,item", *(",".join(line.split(",")[:2]) for line in pairs[1:4])]
    Path("new.csv").write_text("\n".join(histories) + "\n", encoding="utf-8")
    elsewhere = dict(ELSEWHERE)
    for command in found:
        print(f"-- {command}", flush=True)
        if where := elsewhere.pop(command, None):
            print(f"run {where}")
            continue
        run = subprocess.run(["bash", "-euo", "pipefail", "-c", literal(command)], check=False)
        if run.returncode:
            sys.exit(f"this command ended with {run.returncode}")
    subprocess.run(["make", "clean"], check=True)
    if elsewhere:
        sys.exit(f"no page has any longer: {', '.join(elsewhere)}")


if __name__ == "__main__":
    main()
