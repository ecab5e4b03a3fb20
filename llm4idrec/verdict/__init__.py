"""The answer in words and numbers."""
