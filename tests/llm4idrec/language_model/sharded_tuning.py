"""Run by `accelerate launch`: tune an adapter, and note what each process keeps of the base model.

Arguments: base model, prompts, output, the adapter's configuration as JSON.
"""

import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

from torch.distributed.tensor import DTensor

from llm4idrec.config import AdapterConfig
from llm4idrec.language_model.adapter import tune_adapter
from llm4idrec.language_model.processes import Processes
from llm4idrec.runtime.files import write_json
from llm4idrec.runtime.threads import fixed_threads

base_model, prompts, out = map(Path, sys.argv[1:4])
shard = Processes.shard


def shard_and_note(processes: Processes, model: Any) -> None:
    shard(processes, model)
    frozen = [p for n, p in model.named_parameters() if ".layers." in n and not p.requires_grad]
    here = [p.to_local() if isinstance(p, DTensor) else p for p in frozen]
    counts = {"all": sum(p.numel() for p in frozen), "here": sum(p.numel() for p in here)}
    write_json(out.with_name(f"kept-{processes.index}.json"), counts)


with patch.object(Processes, "shard", shard_and_note), fixed_threads(1):
    tune_adapter(
        base_model,
        prompts,
        out,
        config=AdapterConfig.model_validate_json(sys.argv[4]),
        seed=1,
        device="cpu",
    )
