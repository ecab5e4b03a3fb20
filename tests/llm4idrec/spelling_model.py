"""A small model such as a pretrained one is: its tokenizer spells an ID letter by letter."""

from __future__ import annotations

import string
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from llm4idrec.config import BaseModelConfig, ListsConfig
from llm4idrec.data.interactions import Interactions
from llm4idrec.language_model.base_model import make_base_model
from llm4idrec.language_model.prompt_files import write_prompts
from llm4idrec.language_model.prompts import build_prompts
from tests.llm4idrec.conftest import PROMPTS, Tuned


def write_spelling_model(folder: Path, tied: bool = True) -> Path:
    words = ["<pad>", "<s>", "</s>", "<unk>", *string.printable[:95]]
    letters = Tokenizer(models.WordLevel({w: n for n, w in enumerate(words)}, unk_token="<unk>"))
    letters.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    letters.decoder = decoders.Fuse()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=letters,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        tie_word_embeddings=tied,
        initializer_range=0.2,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_owned(root: Path, blocks: Interactions, tied: bool = True) -> Tuned:
    """Such a model in which every item of `blocks` has a token of its own, and prompts; an adapter
    is not tuned yet."""
    files = Tuned(*(root / name for name in ("train.parquet", "base", "prompts.jsonl", "adapter")))
    blocks.write(files.train)
    name = str(write_spelling_model(root / "pretrained", tied=tied))
    config = BaseModelConfig(kind="pretrained", name=name, id_tokens=True)
    make_base_model(
        files.train, files.base_model, config, lists=ListsConfig(), seed=1, device="cpu"
    )
    write_prompts(files.prompts, build_prompts(blocks, PROMPTS, ListsConfig(), seed=1))
    return files
