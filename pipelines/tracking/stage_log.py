"""What MLflow is told of a stage that ran."""

from __future__ import annotations

from llm4idrec.artifacts import (
    COMPARISON,
    EVALUATION,
    RANKINGS,
    REPLAY,
    SETTINGS,
    TRAIN,
    TUNING,
    Files,
)
from llm4idrec.config import Config
from llm4idrec.data.protocol import protocol_name
from pipelines.tracking.stage_runs import StageRun


def log_stage(run: StageRun, config: Config, *, inputs: Files, outputs: Files) -> None:
    """What MLflow keeps of a stage: numbers; of what compares data sets or trials, a run for each
    of them; of the report, itself and the model it is about."""
    evaluated, tuned, replayed = (
        {name: outputs[key] for name in config.recommenders if (key := kind.of(name)) in outputs}
        for kind in (EVALUATION, TUNING, REPLAY)
    )
    run.log_outputs(outputs, apart=[*(EVALUATION.of(name) for name in evaluated), RANKINGS])
    if TRAIN in outputs:
        run.tag_version(protocol=protocol_name(config, outputs[TRAIN]))
    if evaluated or tuned or not outputs.keys().isdisjoint((SETTINGS, RANKINGS)):
        from pipelines.tracking import trial_runs, variants, views

        for name, folder in evaluated.items():
            variants.log_variants(run, name, folder)
        for name, folder in tuned.items():
            trial_runs.log_filter_trials(run, config, name, tuning=folder)
        if SETTINGS in outputs:
            trial_runs.log_settings_trials(run, outputs[SETTINGS])
        if RANKINGS in outputs:
            variants.log_rankings(run, outputs[RANKINGS])
        views.write_views(run, config)
    for name, folder in replayed.items():
        from pipelines.registry.nights import register_nights
        from pipelines.tracking.night_runs import log_nights

        log_nights(run, name, folder, metric=config.evaluation.metric)
        register_nights(run, name, folder)
    if COMPARISON in outputs:
        from pipelines.registry.registry import register
        from pipelines.tracking.headline import log_report

        log_report(run, outputs)
        register(run, config, inputs, comparison=outputs[COMPARISON])
