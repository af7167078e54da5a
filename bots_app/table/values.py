"""How a value stands in a column of doubles: a number as itself, a text or a boolean as a NaN that carries its code.

A plain NaN is a missing value. So a comparison with a text, or with nothing, is false for numpy as it is for us, and a
field that is a number in some runs and a text in others needs no second column. The code of a text is made from the
text alone: whoever knows the text knows its bits, and two writers never have to agree on a number.

In the store the bits are XORed with those of the plain NaN: zero bytes, with which a server fills what was never
written, mean that the value is missing.
"""

from __future__ import annotations

import hashlib
import math
import struct
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Bits of the plain (quiet, positive) NaN; the 51 bits below the quiet one carry the code.
MISSING = 0x7FF8_0000_0000_0000
#: Codes of the booleans; those of texts begin at TEXT.
FALSE, TRUE = 1, 2
TEXT = 1 << 50


def bits_of(value: object) -> int:
    """Return the 64 bits under which a field's value stands in a column; MISSING for what is no plain value.

    A number that no finite double is near to, an empty list and a null are missing, as they are everywhere else.
    """
    if isinstance(value, bool):
        return MISSING | (TRUE if value else FALSE)
    if isinstance(value, str):
        return text_bits(value)
    if not isinstance(value, int | float):
        return MISSING
    try:
        number = float(value)
    except OverflowError:
        return MISSING
    return int.from_bytes(struct.pack("<d", number), "little") if math.isfinite(number) else MISSING


@lru_cache(65_536)
def text_bits(text: str) -> int:
    """Return the bits of a text: 50 bits of its digest, so that of 10,000 texts two share theirs once in 20 million."""
    return fresh_text_bits(text)


def fresh_text_bits(text: str) -> int:
    """Return the bits of a text that will hardly come again, and remember nothing of it."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return MISSING | TEXT | (int.from_bytes(digest, "little") & (TEXT - 1))


def number_of(bits: int) -> float:
    """Return the double of these bits."""
    return float(struct.unpack("<d", bits.to_bytes(8, "little"))[0])


def bits_in(values: Floats) -> npt.NDArray[np.uint64]:
    """Return the bits of a column, without copying it."""
    return values.view(np.uint64)


def is_missing(values: Floats) -> Mask:
    """Tell of each value whether there is none."""
    return bits_in(values) == np.uint64(MISSING)


def is_value(values: Floats, value: str | bool) -> Mask:
    """Tell of each value whether it is this text or boolean."""
    return bits_in(values) == np.uint64(bits_of(value))


def from_stored(content: bytes | bytearray | memoryview) -> Floats:
    """Return a column, or a part of one, from the bytes in the store: 8 a row, little-endian."""
    bits = np.frombuffer(content, dtype="<u8") ^ np.uint64(MISSING)
    return bits.view(np.float64)


def to_stored(values: Floats) -> bytes:
    """Return the bytes of a column, or of a part of one, as the store has them."""
    return (np.ascontiguousarray(values).view("<u8") ^ np.uint64(MISSING)).tobytes()
