"""Where to kill, in the order of the flow."""

from __future__ import annotations

from tests.kill.chain import PROMOTE, TUNE, WORKER, Kill, Moment, moments

MF, TUNING, PROMOTION = "evaluate --recommender mf", "tune --recommender mf", "promote --force"
BEFORE = "before"
TRAININGS = ("dvc", "repro", "replicate")
ONE_EVALUATION = ("dvc", "repro", "evaluate@ease")
"""A run goes on without the worker that was killed, so these end before the next point."""
IN_TIME = moments(2026)

FEW = [
    Kill("run base_model", "checkpoint.safetensors", 3),
    Kill("run adapter", "artifacts/adapter", when=BEFORE),
    Kill("run generate", "shard-00001"),
    Kill("run replicate", "artifacts/replicates", when=BEFORE),
    Kill(WORKER, "seed=0", command=ONE_EVALUATION),
    Kill("run report", "call:set_registered_model_alias", when=BEFORE),
    Kill(PROMOTION, "call:set_registered_model_alias", when=BEFORE, command=PROMOTE),
]
"""For CI."""

ALL: list[Kill | Moment] = [
    Kill("run prepare", "call:create_all", when=BEFORE),
    Kill("run prepare", "artifacts/heldout"),
    Kill("run tune_recommenders", "trial-1.json"),
    Kill("run base_model", "checkpoint.safetensors", 2),
    Kill("run base_model", "checkpoint.safetensors", 4, BEFORE),
    Kill("run base_model", "artifacts/base_model/cost.json"),
    Kill("run adapter", "checkpoint.safetensors", 3),
    Kill("run adapter", "artifacts/adapter", when=BEFORE),
    Kill("run adapter", "call:log_outputs", when=BEFORE),
    IN_TIME["generate"],
    Kill("run generate", "shard-00002"),
    Kill("run controls", "base_model.parquet"),
    Kill("run controls", "artifacts/controls", when=BEFORE),
    IN_TIME["replicate"],
    Kill("run replicate", "artifacts/replicates", when=BEFORE),
    Kill(WORKER, "final-1/adapter", command=TRAININGS),
    Kill("run augment", "artifacts/candidates"),
    Kill(WORKER, "seed=0", command=ONE_EVALUATION),
    Kill(MF, "artifacts/evaluation/mf", when=BEFORE),
    Kill(MF, "call:nest", 2),
    IN_TIME["evaluate mf"],
    Kill("run report", "reports/metrics.json", when=BEFORE),
    Kill("run report", "call:create_model_version", when=BEFORE),
    Kill("run report", "call:set_registered_model_alias", when=BEFORE),
    Kill(TUNING, "study.journal", 40, command=TUNE),
    Kill(TUNING, "artifacts/tuning/mf", when=BEFORE, command=TUNE),
    Kill(PROMOTION, "call:set_registered_model_alias", when=BEFORE, command=PROMOTE),
    Kill(PROMOTION, "call:set_registered_model_alias", command=PROMOTE),
]
