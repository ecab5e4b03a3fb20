"""The library for who works in a notebook: data frames in, data frames and a verdict out."""
