"""Living through dated interactions window by window: what would have been served, and promoted."""
