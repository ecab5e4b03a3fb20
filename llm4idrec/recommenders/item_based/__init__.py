"""Scores from items that go together; no training by epochs."""
