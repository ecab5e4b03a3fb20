"""Interactions, from somebody's file to train, validation and test."""
