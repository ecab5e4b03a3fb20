"""The stages of the method, each from files to files, in the order of the flow.

A folder that a stage writes may hold, beside its data, `summary.json` (one flat dictionary of
numbers), `history.parquet` (columns `series`, `step`, then numbers) and `cost.json` (seconds), for
any tracker to log. The functions import what they need inside, so that a stage loads no more.
"""

from __future__ import annotations

from llm4idrec.stages import (
    adapter,
    augment,
    base_model,
    controls,
    evaluate,
    generate,
    prepare,
    prompts,
    rank,
    replay,
    replicate,
    report,
    tune,
    tune_recommenders,
)

STAGES = {
    module.STAGE.name: module.STAGE
    for module in (
        prepare,
        tune_recommenders,
        base_model,
        prompts,
        adapter,
        generate,
        controls,
        replicate,
        tune,
        augment,
        evaluate,
        rank,
        report,
        replay,
    )
}
FLOW = [stage for stage in STAGES.values() if not stage.on_demand]
"""The whole flow."""
