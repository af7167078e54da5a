"""The floor of a query: the same runs as arrays in memory, the same arithmetic by numpy, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class _Performance(msgspec.Struct):
    sharpeRatio: float
    maxDrawdown: float
    numTrades: int
    calmarRatio: float


class _Results(msgspec.Struct):
    performance: _Performance


class _Record(msgspec.Struct):
    configHash: str
    resultsMetadata: _Results


_decode = msgspec.json.Decoder(_Record).decode


@dataclass
class PlainRuns:
    """Runs in the order they were made in: a hash and the four fields of the query."""

    sharpe: Floats
    drawdown: Floats
    trades: Floats
    calmar: Floats
    hashes: npt.NDArray[np.bytes_]
    _parts: list[tuple[Floats, npt.NDArray[np.bytes_]]] = field(default_factory=list)

    @classmethod
    def empty(cls) -> PlainRuns:
        nothing = np.zeros(0)
        return cls(nothing, nothing, nothing, nothing, np.zeros(0, dtype="S16"))

    def add(self, texts: Sequence[bytes]) -> None:
        """Take more runs in, by their records; they count from `finished` on."""
        runs = [_decode(text) for text in texts]
        found = [msgspec.structs.astuple(run.resultsMetadata.performance) for run in runs]
        self._parts.append((np.array(found, dtype=np.float64), np.array([run.configHash for run in runs], dtype="S")))

    def finished(self) -> PlainRuns:
        """Return all that was taken in."""
        columns = np.concatenate([values for values, _ in self._parts]).T.copy()
        return PlainRuns(*columns, np.concatenate([hashes for _, hashes in self._parts]))

    def page(self, limits: tuple[float, float, int], limit: int) -> tuple[list[bytes], int]:
        """Return the hashes of the first runs that pass, by Calmar ratio from the highest on, and how many pass."""
        sharpe, drawdown, trades = limits
        mask = self.sharpe >= sharpe
        mask &= self.drawdown <= drawdown
        mask &= self.trades >= trades
        rows = np.flatnonzero(mask)
        values = np.negative(self.calmar[rows])
        if len(values) > limit:
            near = values <= np.partition(values, limit - 1)[limit - 1]
            first, values = rows[near], values[near]
        else:
            first = rows
        return self.hashes[first[np.argsort(values)][:limit]].tolist(), len(rows)
