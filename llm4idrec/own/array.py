"""A matrix in a file of NumPy's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from llm4idrec.errors import InputError

_REMEDY = "write it by numpy.save"


def read_array(file: Path, shapes: Sequence[tuple[int, int | None]]) -> Tensor:
    """Float32 and finite, of one of the shapes, where None is any number from 1.

    Raises `InputError` for anything else; pickled objects are not loaded.
    """
    expected = " or ".join(dict.fromkeys(f"({rows}, {columns or 'd'})" for rows, columns in shapes))
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise InputError("there is no such file", f"a matrix {expected}", file=file) from error
    except (OSError, ValueError, EOFError) as error:
        reason = " ".join(str(error).split())[:200]
        if "allow_pickle" in reason:  # NumPy takes whatever it does not know for a pickle
            reason = "text or Python objects"
        found = f"no NumPy file ({reason})"
        raise InputError(found, f"a matrix {expected}", _REMEDY, file=file) from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        found = f"holds {getattr(array, 'dtype', 'several arrays')}"
        raise InputError(found, f"a matrix {expected} of numbers", _REMEDY, file=file)
    if not any(_fits(array.shape, *shape) for shape in shapes):
        raise InputError(f"the array has shape {array.shape}", expected, file=file)
    with np.errstate(over="ignore"):
        values = np.array(array, np.float32, order="C")  # models are saved from it
    if (wrong := ~np.isfinite(values)).any():
        row, column = np.unravel_index(int(wrong.argmax()), values.shape)
        found = f"{array[row, column]} in row {row}, column {column}, counted from 0"
        raise InputError(found, "finite numbers, in single precision", file=file)
    return torch.from_numpy(values)


def _fits(shape: tuple[int, ...], rows: int, columns: int | None) -> bool:
    return len(shape) == 2 and shape[0] == rows and 0 < shape[1] == (columns or shape[1])
