"""ZenML pipelines over the steps, and the driver that DVC calls: wiring and tracking."""
