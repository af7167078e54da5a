"""Arrays of pyarrow from plain values, made of buffers: `pyarrow.array` would load pandas, where it is installed, which
takes 50 MB and half a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from bots_app.exports.fields import Kind

_NUMBERS: dict[Kind, npt.DTypeLike] = {Kind.WHOLE: np.int64, Kind.NUMBER: np.float64}


def types(pyarrow: Any) -> dict[Kind, Any]:
    """Return the type of a column of each kind; mixed ones are texts of JSON, as a column has one type."""
    return {
        Kind.WHOLE: pyarrow.int64(), Kind.NUMBER: pyarrow.float64(), Kind.TEXT: pyarrow.string(),
        Kind.BOOLEAN: pyarrow.bool_(), Kind.MIXED: pyarrow.string(),
    }  # fmt: skip


def array(pyarrow: Any, values: Sequence[Any], kind: Kind) -> Any:
    """Return values, null where one is None. Raises OverflowError for more than 2 GB of text."""
    is_there = np.fromiter((value is not None for value in values), dtype=np.bool_, count=len(values))
    content: list[npt.NDArray[Any] | bytes]
    if kind in _NUMBERS:
        plain = [0 if value is None else value for value in values]
        content = [np.array(plain, dtype=_NUMBERS[kind])]
    elif kind is Kind.BOOLEAN:
        content = [_bits(np.fromiter(map(bool, values), dtype=np.bool_, count=len(values)))]
    else:
        content = _texts(values, is_mixed=kind is Kind.MIXED)
    nulls = len(values) - int(np.count_nonzero(is_there))
    buffers = [_bits(is_there) if nulls else None, *content]
    made = [None if one is None else pyarrow.py_buffer(one) for one in buffers]
    return pyarrow.Array.from_buffers(types(pyarrow)[kind], len(values), made, null_count=nulls)


def _bits(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    return np.packbits(flags, bitorder="little")


def _texts(values: Sequence[Any], *, is_mixed: bool) -> list[npt.NDArray[Any] | bytes]:
    """Return where each text begins and ends, and all of them."""
    encode = msgspec.json.encode if is_mixed else str.encode
    texts = [b"" if value is None else encode(value) for value in values]
    places = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    if places[-1] > np.iinfo(np.int32).max:
        raise OverflowError("more text than a column of Arrow takes at once")
    return [places.astype(np.int32), b"".join(texts)]
