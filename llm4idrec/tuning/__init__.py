"""What settings of the filter, and of a recommender, are worth on validation."""
