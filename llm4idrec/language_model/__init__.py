"""Prompts, tokens, the base model and its LoRA adapter."""
