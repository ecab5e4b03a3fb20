"""Language-model augmentation for ID-based recommenders, measured. `stages` shows the flow."""
