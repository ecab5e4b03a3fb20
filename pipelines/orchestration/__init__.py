"""ZenML: pipelines, where they run, with which resources."""
