"""Ranking metrics, bands of popularity, significance."""
