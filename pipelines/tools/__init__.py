"""What is known here of the insides of MLflow, ZenML and DVC, which a new version may change."""
