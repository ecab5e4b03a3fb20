"""MLflow's registry: versions of the adapter, who is champion, items for new users."""
