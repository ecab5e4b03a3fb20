"""Where to kill, in the order of the flow."""

from __future__ import annotations

from tests.kill.chain import PROMOTE, WORKER, Kill

TUNE, MF = "tune --recommender mf", "evaluate --recommender mf"
BEFORE = "before"

FEW = [
    Kill("run base_model", "checkpoint.safetensors", 3),
    Kill("run adapter", "artifacts/adapter", when=BEFORE),
    Kill("run generate", "shard-00001"),
    Kill(WORKER, "seed=1"),
    Kill("run report", "call:set_registered_model_alias", when=BEFORE),
    Kill("run promote", "call:set_registered_model_alias", when=BEFORE, command=PROMOTE),
]
"""For CI."""

ALL = [
    Kill("run prepare", "call:create_all", when=BEFORE),
    Kill("run prepare", "artifacts/raw", when=BEFORE),
    Kill("run prepare", "artifacts/heldout"),
    Kill("run base_model", "checkpoint.safetensors", 2),
    Kill("run base_model", "checkpoint.safetensors", 4, BEFORE),
    Kill("run base_model", "artifacts/base_model", when=BEFORE),
    Kill("run base_model", "artifacts/base_model/cost.json"),
    Kill("run adapter", "artifacts/prompts"),
    Kill("run adapter", "checkpoint.safetensors", 3),
    Kill("run adapter", "artifacts/adapter", when=BEFORE),
    Kill("run adapter", "call:log_outputs", when=BEFORE),
    Kill("run generate", "shard-00000", when=BEFORE),
    Kill("run generate", "shard-00002"),
    Kill("run generate", "artifacts/generations"),
    Kill("run controls", "artifacts/controls", when=BEFORE),
    Kill("run controls", "artifacts/controls"),
    Kill("dvc repro", ".dvc/cache/files", 1),
    Kill(TUNE, "study.journal", 4),
    Kill(TUNE, "study.journal", 60),
    Kill(TUNE, "artifacts/tuning/mf/params.yaml", when=BEFORE),
    Kill(TUNE, "call:nest", 3),
    Kill("run augment", "artifacts/candidates"),
    Kill("run augment", "artifacts/augmented", when=BEFORE),
    Kill(WORKER, "seed=1"),
    Kill(MF, "artifacts/evaluation/mf", when=BEFORE),
    Kill(MF, "artifacts/evaluation/mf/cost.json"),
    Kill(MF, "call:nest", 2),
    Kill("run report", "reports/comparison.json"),
    Kill("run report", "reports/metrics.json", when=BEFORE),
    Kill("run report", "call:create_model_version", when=BEFORE),
    Kill("run report", "call:set_registered_model_alias", when=BEFORE),
    Kill("run promote", "call:set_registered_model_alias", when=BEFORE, command=PROMOTE),
    Kill("run promote", "call:set_registered_model_alias", command=PROMOTE),
]
