"""The tuned model at work: what may come next, as candidates."""
