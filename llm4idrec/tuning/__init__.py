"""What a setting of the filter is worth on validation."""
