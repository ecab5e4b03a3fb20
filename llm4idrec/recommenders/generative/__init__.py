"""Recommenders that write the next item's index, token by token, with a T5."""
