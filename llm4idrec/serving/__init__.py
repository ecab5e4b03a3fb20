"""What the verdict says to serve, trained on everything, as everybody's best items."""
