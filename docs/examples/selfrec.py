"""A graph model of SELFRec, such as LightGCN or XSimGCL, as a program.

    git clone https://github.com/Coder-Yu/SELFRec CHECKOUT
    python docs/examples/selfrec.py CHECKOUT MODEL DATA OUT SEED N_USERS N_ITEMS EPOCHS

It reads `selfrec_graph` and writes `vectors`. SELFRec takes the epoch that is best on its test set;
here it is shown none, so the number of epochs is a setting. The others are those of its `conf`
folder.
"""

from __future__ import annotations

import importlib
import os
import random
import sys
from pathlib import Path

import numpy as np
import torch
import yaml

checkout, data, out = (Path(sys.argv[place]).resolve() for place in (1, 3, 4))
model_name = sys.argv[2]
seed, n_users, n_items, epochs = map(int, sys.argv[5:9])
os.chdir(out)  # where it leaves logs
sys.path.insert(0, str(checkout))
if not torch.cuda.is_available():  # it asks for a GPU in any case
    torch.Tensor.cuda = torch.nn.Module.cuda = lambda self, *_, **__: self
random.seed(seed)
np.random.seed(seed)
torch.manual_seed(seed)

train_file = data / "train.txt"
settings = yaml.safe_load((checkout / "conf" / f"{model_name}.yaml").read_text())
settings |= {"training.set": str(train_file), "test.set": str(train_file), "max.epoch": epochs}
Path("conf.yaml").write_text(yaml.safe_dump(settings))
conf = importlib.import_module("util.conf").ModelConf("conf.yaml")
pairs = importlib.import_module("data.loader").FileIO.load_data_set(train_file, "graph")
model = getattr(importlib.import_module(f"model.graph.{model_name}"), model_name)(conf, pairs, [])
model.fast_evaluation = lambda epoch: None
model.best_user_emb = model.best_item_emb = None  # taken by `save`, after the last epoch
model.build()
model.train()
model.save()

for name, n, number_of, vectors in (
    ("users", n_users, model.data.user, model.best_user_emb),
    ("items", n_items, model.data.item, model.best_item_emb),
):
    whole = np.zeros((n, vectors.shape[1]), np.float32)  # for users of whom there is nothing too
    places = [number_of[word] for word in number_of]
    whole[[int(word) for word in number_of]] = vectors.detach().cpu().numpy()[places]
    np.save(out / f"{name}.npy", whole)
