"""Original against augmented data: choose on validation, test once."""
