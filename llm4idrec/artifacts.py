"""What the stages hand to each other: names, and places in the repository."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from llm4idrec.config import Config


@dataclass(frozen=True)
class Artifact:
    """A file or folder that a stage writes, or the one that the flow begins with."""

    name: str
    """What a ZenML step calls it."""
    path: str
    """In the repository; with `{recommender}` there is one for each recommender."""
    grows: bool = False
    """Whether it is only added to, so that neither DVC nor a failure removes it."""

    def of(self, recommender: str) -> Artifact:
        """The one of a recommender."""
        return replace(self, path=self.path.format(recommender=recommender))

    def each(self, config: Config) -> Iterator[Artifact]:
        """Itself, or those of all of `config.recommenders`."""
        names = config.recommenders if "{recommender}" in self.path else ("",)
        return (self.of(name) for name in names)


Files = dict[Artifact, Path]

SOURCE = Artifact("source", "data.path")
"""The interaction file; it lies where this key of `params.yaml` says."""
RAW = Artifact("raw", "artifacts/raw")
RAW_VALIDATION = Artifact("raw_validation", "reports/validation/raw")
TRAIN = Artifact("train", "artifacts/train")
KNOWN = Artifact("known", "artifacts/known")
"""What may be learnt from before the test: train and validation interactions with
`evaluation.refit`, else the train interactions; files as in `TRAIN`."""
HELDOUT = Artifact("heldout", "artifacts/heldout")
IDENTIFIERS = Artifact("identifiers", "artifacts/identifiers")
SETTINGS = Artifact("settings", "artifacts/settings")
BASE_MODEL = Artifact("base_model", "artifacts/base_model")
PROMPTS = Artifact("prompts", "artifacts/prompts")
ADAPTER = Artifact("adapter", "artifacts/adapter")
GENERATIONS = Artifact("generations", "artifacts/generations")
CONTROLS = Artifact("controls", "artifacts/controls")
REPLICATES = Artifact("replicates", "artifacts/replicates")
TUNING = Artifact("tuning", "artifacts/tuning/{recommender}")
TUNING_PAGE = Artifact("tuning_page", "reports/tuning/{recommender}.html")
CANDIDATES = Artifact("candidates", "artifacts/candidates")
AUGMENTED = Artifact("augmented", "artifacts/augmented")
AUGMENTED_VALIDATION = Artifact("augmented_validation", "reports/validation/augmented")
EVALUATION = Artifact("evaluation", "artifacts/evaluation/{recommender}")
EVALUATIONS = Artifact("evaluations", "artifacts/evaluation")
"""The folder of all recommenders'."""
LEDGER = Artifact("ledger", "artifacts/ledger/{recommender}.jsonl", grows=True)
LEDGERS = Artifact("ledgers", "artifacts/ledger")
"""The folder of all recommenders'."""
RANKINGS = Artifact("rankings", "artifacts/rankings")
SOURCES_LEDGER = Artifact("sources_ledger", "artifacts/ledger/sources.jsonl", grows=True)
SCORE_LEDGER = Artifact("score_ledger", "artifacts/ledger/score.jsonl", grows=True)
"""Of rankings made elsewhere."""
REPLAY = Artifact("replay", "artifacts/replay/{recommender}", grows=True)
REPLAY_PAGE = Artifact("replay_page", "reports/replay/{recommender}.html")
REPLAY_VALIDATION = Artifact("replay_validation", "reports/validation/replay/{recommender}")
SERVING = Artifact("serving", "artifacts/serving")
"""What the command `serve` writes."""
BOTTOM_LINE = Artifact("bottom_line", "reports/bottom_line.json")
COMPARISON = Artifact("comparison", "reports/comparison.json")
CONTROL_COMPARISON = Artifact("control_comparison", "reports/controls.json")
METRICS = Artifact("metrics", "reports/metrics.json")
PLOTS = Artifact("plots", "reports/plots")
FIGURES = Artifact("figures", "reports/comparison.html")

INTERACTIONS = "interactions.parquet"
"""File in the folders `TRAIN`, `KNOWN` and `AUGMENTED`."""
PROMPT_LINES = "prompts.jsonl"
"""File in `PROMPTS`."""


def places(artifacts: Iterable[Artifact], config: Config, out: Path | None = None) -> Files:
    """Where each lies, or will lie: in the repository, or below `out`, which takes the place of
    the folder `artifacts`."""
    found: Files = {}
    for artifact in artifacts:
        for each in artifact.each(config):
            below = each.path.removeprefix("artifacts/")
            found[each] = Path(each.path) if out is None else out / below
    return found | ({SOURCE: config.data.path} if SOURCE in found else {})
