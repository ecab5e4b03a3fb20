"""The lines of a replay, which run side by side, by name."""

from __future__ import annotations

from llm4idrec.augmentation.arms import ORIGINAL

RETRAINED, CHALLENGER, CHAMPION = "retrained", "adapter", "champion"
"""With items of a model that is trained anew tonight, of tonight's adapter, and of the adapter that
serves."""
FORMER = "former champion"
"""With items of the adapter that the champion replaced a night ago."""
ALONE = " alone"
"""Behind the name of a line: what generates, ranking by itself."""
LINES = (ORIGINAL, RETRAINED, CHALLENGER, CHAMPION)
"""Those of every night. The first is the recommender that is served, on what is known."""
OWN_LINES = tuple(line + ALONE for line in LINES[1:])
