"""A general model of RecBole with vectors, such as BPR, as a program in an environment of its own.

    pip install "recbole==1.2.1" "numpy<2" "scipy<1.13" "pandas<3"
    python docs/examples/recbole_bpr.py DATA OUT SEED N_USERS N_ITEMS FACTORS EPOCHS

It reads `recbole` and writes `vectors`. RecBole stops early by a validation set; here it is given
none, so the number of epochs is a setting.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from recbole.config import Config
from recbole.data import create_dataset
from recbole.data.utils import get_dataloader
from recbole.sampler import Sampler
from recbole.utils import get_model, get_trainer, init_seed

data, out = (Path(argument).resolve() for argument in sys.argv[1:3])
seed, n_users, n_items, factors, epochs = map(int, sys.argv[3:8])
sys.argv = sys.argv[:1]  # RecBole would take the rest for settings
os.chdir(out)  # where it may leave logs

settings = {
    "data_path": str(data.parent),
    "benchmark_filename": ["train"],
    "load_col": {"inter": ["user_id", "item_id"]},
    "embedding_size": factors,
    "epochs": epochs,
    "seed": seed,
    "reproducibility": True,
    "use_gpu": False,
    "show_progress": False,
    "checkpoint_dir": str(out),
}
config = Config(model="BPR", dataset=data.name, config_dict=settings)
init_seed(seed, config["reproducibility"])
dataset = create_dataset(config)
(train,) = dataset.build()
sampler = Sampler(["train"], [train], "uniform").set_phase("train")
batches = get_dataloader(config, "train")(config, train, sampler, shuffle=True)
model = get_model(config["model"])(config, train).to(config["device"])
trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
trainer.fit(batches, saved=False, show_progress=False)

for name, n, field, embedding in (
    ("users", n_users, "user_id", model.user_embedding),
    ("items", n_items, "item_id", model.item_embedding),
):
    tokens = dataset.field2id_token[field][1:]  # number 0 is padding
    whole = np.zeros((n, factors), np.float32)
    whole[tokens.astype(int)] = embedding.weight.detach().cpu().numpy()[1:]
    np.save(out / f"{name}.npy", whole)
