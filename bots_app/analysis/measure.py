"""A number that may be undefined, and then says why."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """Hold a finite value, or None and the reason, fit for users; a reason beside a value says what it leaves out."""

    value: float | None
    reason: str | None = None

    @property
    def is_known(self) -> bool:
        return self.value is not None

    @classmethod
    def of(cls, value: float, reason: str = "The result is too large to state.") -> Measure:
        """Wrap a value; one that is not finite becomes undefined for that reason."""
        number = float(value)
        return cls(number) if math.isfinite(number) else cls(None, reason)

    @classmethod
    def undefined(cls, reason: str) -> Measure:
        return cls(None, reason)

    @classmethod
    def ratio(cls, above: float, below: float, reason: str) -> Measure:
        """Divide; undefined for that reason when `below` is zero."""
        return cls.of(float(above) / float(below)) if below else cls(None, reason)


def plural(count: int, noun: str) -> str:
    """Count in words: `1 trade`, `1,200 trades`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
