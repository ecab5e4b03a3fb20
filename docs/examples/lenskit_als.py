"""ALS of LensKit, as a program in an environment of its own.

    pip install "lenskit>=2025.3"
    python docs/examples/lenskit_als.py DATA OUT SEED N_USERS N_ITEMS FACTORS

It reads `selfrec_graph` and writes `vectors`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from lenskit.als import ImplicitMFScorer
from lenskit.data import from_interactions_df
from lenskit.training import TrainingOptions

data, out = map(Path, sys.argv[1:3])
seed, n_users, n_items, factors = map(int, sys.argv[3:7])

columns = ["user_id", "item_id"]
pairs = pd.read_csv(data / "train.txt", sep=" ", header=None, names=columns, usecols=[0, 1])
model = ImplicitMFScorer(embedding_size=factors)
model.train(from_interactions_df(pairs), TrainingOptions(rng=seed))

for name, n, numbers, vectors in (
    ("users", n_users, model.users, model.user_embeddings),
    ("items", n_items, model.items, model.item_embeddings),
):
    whole = np.zeros((n, factors), np.float32)  # for users of whom there is nothing too
    whole[np.asarray(numbers.ids(), int)] = vectors
    np.save(out / f"{name}.npy", whole)
