"""The search for the settings of several recommenders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from llm4idrec.config import TuneRecommendersConfig
from llm4idrec.runtime.files import fingerprint, replacing_folder, resumable_folder
from llm4idrec.runtime.workers import worker_pool
from llm4idrec.tuning.settings_study import SettingsStudy
from llm4idrec.tuning.settings_trials import FoundSettings, write_settings
from llm4idrec.tuning.settings_tuning import SettingsTuning


def search_settings(
    tunings: Sequence[SettingsTuning], config: TuneRecommendersConfig, out: Path
) -> None:
    """Search one recommender after another, and write into `out` what `write_settings` does.

    An interrupted call goes on after its last trial. Raises what a recommender's training does if
    all of its trials fail.
    """
    files = sorted({file for t in tunings for file in (t.train_file, t.valid_file)})
    about = [_about(tuning) for tuning in tunings]
    shaping = config.model_dump(mode="json", exclude={"workers"})
    with resumable_folder(out, fingerprint(*files, tunings=about, search=shaping)) as work:
        found = []
        with worker_pool(config.workers) as run:
            for tuning in tunings:
                study = SettingsStudy(tuning, config, work / tuning.recommender)
                found.append(FoundSettings(tuning, study.run(run), study.possible))
        with replacing_folder(out) as folder:
            write_settings(folder, found)


def _about(tuning: SettingsTuning) -> dict[str, object]:
    values = {key: value for key, value in asdict(tuning).items() if not isinstance(value, Path)}
    return values | {"section": tuning.section.model_dump(mode="json")}
