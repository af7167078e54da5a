"""Numbers, dates and durations as the pages write them; plain functions from a value to text.

What cannot be shown becomes `MISSING`; the reason is the caller's to add. Nothing here rounds what is stored: `exact`
gives the stored value for a `title`.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

MISSING = "n/a"
#: Typographic minus, as wide as the plus sign.
MINUS = "\N{MINUS SIGN}"
#: Money from here on is shown without decimals.
WHOLE_MONEY = 1_000
#: Money below this is shown with an exponent.
TINY_MONEY = 1e-4
#: Any number from here on is shown with an exponent: what means anything is shorter, and a cell holds it.
HUGE = 1e12
#: Decimals that a small percentage is written out to.
TINY_PLACES = 4
#: Longest span, in hours, that is still told in hours.
LONGEST_HOURS = 96
#: Relative ages: largest number of seconds for which a unit is used, seconds in the unit, name.
AGES = ((3_600, 60, "min"), (86_400, 3_600, "h"), (math.inf, 86_400, "d"))
#: First and last millisecond that `datetime` can tell.
FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_999


def finite(value: Any) -> float | None:
    """Return the value as a finite number, or None; a truth value is not a number."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def number(value: Any, places: int = 2, *, signed: bool = False) -> str:
    """Return the number with thousands and a fixed number of decimals; a value that rounds to zero has no sign."""
    real = finite(value)
    if real is None:
        return MISSING
    text = scientific(real) if abs(real) >= HUGE else f"{real:,.{places}f}"
    if not any(digit in "123456789" for digit in text):
        return text.lstrip("-")
    return (f"+{text}" if signed and real > 0 else text).replace("-", MINUS)


def money(value: Any, *, signed: bool = False) -> str:
    """Return an amount by its magnitude: no decimals from 1,000, two from 1, else four significant digits."""
    real = finite(value)
    if real is None:
        return MISSING
    size = abs(real)
    if size == 0:
        return "0"
    if size >= WHOLE_MONEY:
        return number(real, 0, signed=signed)
    if size >= 1:
        return number(real, 2, signed=signed)
    text = scientific(real) if size < TINY_MONEY else f"{real:.{3 - math.floor(math.log10(size))}f}"
    return (f"+{text}" if signed and real > 0 else text).replace("-", MINUS)


def scientific(real: float) -> str:
    """Return a number with four significant digits and an exponent."""
    mantissa, exponent = f"{real:.3e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{exponent.removeprefix('+')}"


def percent(ratio: Any, places: int = 1, *, signed: bool = False) -> str:
    """Return a ratio as percent; one that would round to zero keeps two significant digits."""
    real = finite(ratio)
    if real is None:
        return MISSING
    size = abs(100 * real)
    if 0 < size < 10**-TINY_PLACES:
        return f"{scientific(100 * real).replace('-', MINUS)} %"
    if 0 < size < 0.5 * 10**-places:
        places = 1 - math.floor(math.log10(size))
    return f"{number(100 * real, places, signed=signed)} %"


def top_share(at_least: int, total: int) -> str:
    """Return which share of a total reaches a place from the top; never 0, as the place itself does."""
    if not total:
        return MISSING
    share = 100 * at_least / total
    if share < 0.01:
        return "< 0.01 %"
    return f"{share:.2f} %" if share < 1 else f"{share:.0f} %"


def probability(value: Any, places: int = 3) -> str:
    """Return a probability that never reads 1 or 0."""
    real = finite(value)
    if real is None:
        return MISSING
    edge = 10**-places
    if real > 1 - edge:
        return f"> {1 - edge:.{places}f}"
    return f"< {edge:.{places}f}" if real < edge else number(real, places)


def price(value: Any, places: int = 0) -> str:
    """Return a price with the digits it is stored with, up to eight significant ones, and at least so many decimals."""
    real = finite(value)
    if real is None:
        return MISSING
    text = f"{real:.8g}"
    return (text if "e" in text else f"{float(text):,.{max(places, len(text.partition('.')[2]))}f}").replace("-", MINUS)


def count(value: Any) -> str:
    """Return a whole number with thousands."""
    return number(value, 0)


def exact(value: Any) -> str:
    """Return the stored value in full, for a title."""
    real = finite(value)
    return "" if real is None else repr(value).replace("-", MINUS)


def parameter(value: Any) -> str:
    """Return a value of a configuration as it is stored; truth values in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    return str(value).replace("-", MINUS) if isinstance(value, (int, float)) else str(value)


def tone(value: Any) -> str:
    """Return the class that colours a profit or a loss."""
    real = finite(value)
    if real is None:
        return "quiet"
    return "pos" if real > 0 else "neg" if real < 0 else ""


def moment(ms: Any) -> datetime | None:
    """Return the UTC time of a number of milliseconds, None when there is none or no calendar holds it."""
    real = finite(ms)
    if real is None or not FIRST_MS <= real <= LAST_MS:
        return None
    return datetime.fromtimestamp(real / 1000, UTC)


def day(ms: Any) -> str:
    """Return the UTC date."""
    at = moment(ms)
    return MISSING if at is None else f"{at:%Y-%m-%d}"


def minute(ms: Any) -> str:
    """Return the UTC date and time to the minute."""
    at = moment(ms)
    return MISSING if at is None else f"{at:%Y-%m-%d %H:%M}"


def stamp(ms: Any) -> str:
    """Return the UTC time in ISO 8601, for machines and titles."""
    at = moment(ms)
    return "" if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"


def age(ms: Any, now: datetime | None = None) -> str:
    """Return how long ago it was; a time in the future reads `now`, as clocks differ."""
    at = moment(ms)
    if at is None:
        return MISSING
    seconds = ((now or datetime.now(UTC)) - at).total_seconds()
    if seconds < 60:
        return "now"
    size, name = next((size, name) for limit, size, name in AGES if seconds < limit)
    return f"{int(seconds // size):,} {name}"


def duration(seconds: Any) -> str:
    """Return a span in the unit that reads best."""
    real = finite(seconds)
    if real is None or real < 0:
        return MISSING
    if real < 60:
        return f"{real:.0f} s"
    if real < 3_600:
        return f"{real / 60:.0f} min"
    hours = real / 3_600
    return f"{hours:.0f} h" if hours <= LONGEST_HOURS else f"{hours / 24:,.0f} days"


def years(start_ms: Any, end_ms: Any) -> str:
    """Return the length of a period in years."""
    first, last = finite(start_ms), finite(end_ms)
    if first is None or last is None or last < first:
        return MISSING
    return number((last - first) / (365.25 * 86_400_000), 2)
