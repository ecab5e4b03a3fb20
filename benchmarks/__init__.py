"""Measurements against other frameworks, run by hand; nothing here is a test."""
