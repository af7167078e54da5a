"""The configHashes of a session's rows, as whole numbers of 8 bytes that sort as the bytes do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bots_app.table.values import Mask

Words = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.intp]

#: First byte of a slot whose hash is too long for it; UTF-8 has no such byte.
LONG = 0xFF
WORD = 8


class Hashes(NamedTuple):
    """The hash of each row: `words[i]` holds bytes 8i to 8i+7 of every row, big end first, padded with zero bytes.

    Hashes with more bytes than there are words for stand in `long` too, whole.
    """

    words: Words
    long: Mapping[int, bytes]

    def at(self, rows: Rows) -> list[bytes]:
        """Return the hashes of some rows."""
        found: list[bytes] = plain_hashes(self.words[:, rows]).tolist()
        if self.long:
            return [self.long.get(row, plain) for row, plain in zip(rows.tolist(), found, strict=True)]
        return found

    def row_of(self, config_hash: bytes) -> int | None:
        """Return the row of a hash, None when no row has it. Cost: a pass over the first words."""
        place = self.words_of(config_hash)
        rows = np.flatnonzero(self.words[0] == place[0])
        for word, part in zip(self.words[1:], place[1:], strict=True):
            rows = rows[word[rows] == part]
        for row in rows.tolist():
            if self.at(np.array([row])) == [config_hash]:
                return int(row)
        return None

    def words_of(self, config_hash: bytes) -> list[np.uint64]:
        """Return the words of a hash: of its beginning where it is longer."""
        width = len(self.words) * WORD
        padded = config_hash[:width].ljust(width, b"\0")
        return list(np.frombuffer(padded, dtype=">u8").astype(np.uint64))

    def view(self, rows: int) -> Hashes:
        """Return the hashes of the first rows, without copying."""
        return Hashes(self.words[:, :rows], self.long)


def words_from(content: bytes | memoryview, width: int) -> Words:
    """Return the words of slots of `width` bytes (whole words) as they stand in the store, one row after another."""
    return np.frombuffer(content, dtype=">u8").reshape(-1, width // WORD).T.astype(np.uint64)


def words_of_all(hashes: Sequence[bytes], width: int) -> Words:
    """Return the words of hashes that fit."""
    return words_from(np.array(list(hashes), dtype=f"S{width}").tobytes(), width)


def plain_hashes(words: Words) -> npt.NDArray[np.bytes_]:
    """Return hashes as texts of bytes."""
    content = np.ascontiguousarray(words.T, dtype=">u8")
    return content.view(f"S{len(words) * WORD}").reshape(-1)


def is_long(words: Words) -> Mask:
    """Tell of each slot whether its hash is too long for it."""
    return words[0] >> np.uint64(56) == np.uint64(LONG)
