"""Which candidates are taken: filter, order, merge; the controls."""
