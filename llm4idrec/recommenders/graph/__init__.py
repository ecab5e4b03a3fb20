"""Vectors of users and items, from pairs or over the graph of pairs."""
