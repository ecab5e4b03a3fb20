"""What a person's file is, and what a run on it will cost."""
