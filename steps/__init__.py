"""ZenML steps: each unpacks its inputs, calls the library and returns the folders written."""
