"""Sets of parameters that go together, by name."""

from __future__ import annotations

from typing import Any

ADAPTER_PRESETS: dict[str, dict[str, Any]] = {
    # For the compact model, a quarter of a minute on one core: every linear layer, which a model
    # that has not seen the prompts' words before needs. More steps, or larger ones, undo what the
    # base model has learnt (docs/experiments/base-model.md). Without dropout an update is merged
    # before the product (llm4idrec/language_model/merged_updates.py).
    "compact": {
        "rank": 16,
        "alpha": 32,
        "dropout": 0.0,
        "target_modules": [
            "q_proj",
            "k_proj",
            "v_proj",
            "o_proj",
            "gate_proj",
            "up_proj",
            "down_proj",
        ],
        "loss_on": "answer",
        "negatives": 8192,
        "steps": 200,
        "batch_size": 32,
        "accumulation": 1,
        "learning_rate": 3e-4,
        "max_length": 256,
        "precision": "float32",
        "gradient_checkpointing": False,
        "checkpoint_every": 100,
    },
    # Chen et al. (TOIS 2025), as in their released code.
    "paper": {
        "rank": 8,
        "alpha": 32,
        "dropout": 0.05,
        "target_modules": ["q_proj", "v_proj"],
        "loss_on": "all",
        "negatives": None,
        "steps": 400,
        "batch_size": 8,
        "accumulation": 4,
        "learning_rate": 1e-3,
        "max_length": 2048,
        "precision": "float16",
        "gradient_checkpointing": False,
        "checkpoint_every": 100,
    },
}
