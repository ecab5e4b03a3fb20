"""Transformers over a user's items in their order."""
