"""Language-model augmentation for ID-based recommenders, measured. `stages` shows the flow."""

import os

# OpenMP threads that wait for each other by spinning make training ten times slower as soon as
# another process wants a core. Read when torch loads; a value that is set already wins.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
