"""Orders as addresses write them: names with commas between, `-` before what is descending. No HTTP.

A name that holds a comma, or begins with `-` or a backquote, stands in backquotes, behind the `-`; a backquote there
twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_PART = re.compile(r"(-?)(?:`((?:[^`]|``)*)`(?=,|\Z)|([^,]*))", re.DOTALL)


def order_in(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each name of an order, '' where none can be read, and whether it is descending."""
    at = 0
    while at <= len(text):
        found = _PART.match(text, at)
        assert found is not None
        plain, quoted = found[3], found[2]
        name = quoted.replace("``", "`") if plain is None else "" if plain.startswith("-") else plain
        yield name, bool(found[1])
        at = found.end() + 1


def order_by(name: str, *, descending: bool) -> str:
    """Return what orders by a name."""
    is_plain = "," not in name and not name.startswith(("-", "`"))
    written = name if is_plain else f"`{name.replace('`', '``')}`"
    return f"-{written}" if descending else written
