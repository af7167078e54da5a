"""Which sessions are wanted, and in which order. No Redis, no HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DEFAULT_ORDERING = "-lastUpdate"
#: Letters of a text that sessions are ordered by.
TEXT_LENGTH = 100


@dataclass(frozen=True)
class SessionQuery:
    """Filters, None for any, and an order: a field of the summary, with `-` in front for descending."""

    symbol: str | None = None
    timeframe: str | None = None
    active: bool | None = None
    #: Texts that the id or the notes must hold, each in either, in capitals or not.
    words: tuple[str, ...] = ()
    ordering: str = DEFAULT_ORDERING

    def filters(self) -> list[str]:
        """Return the names of the filters that are set."""
        names = ("symbol", "timeframe", "active", "words")
        return [name for name in names if getattr(self, name) not in (None, ())]

    @property
    def by(self) -> str:
        return self.ordering.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        return self.ordering.startswith("-")


def sort_value(value: object) -> tuple[int, Any] | None:
    """Return a value of a summary such that it compares with any other: numbers before texts. None when missing.

    Of a text its first 100 letters count: a cursor holds the value, and has to fit into an address.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return 0, int(value)
    return (0, value) if isinstance(value, int | float) else (1, str(value)[:TEXT_LENGTH])
