"""Transformers over a user's latest items."""
