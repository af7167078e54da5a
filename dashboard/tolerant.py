"""Reading what other programs wrote: JSON with NaN or lone surrogates in it, numbers as text, times in any unit.

Readers here never fail on a value: what has no meaning is None. Only a text that is no JSON at all raises.
"""

from __future__ import annotations

import json
import math
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import msgspec

#: The times that Python, and so every page, can show: from year 1 to 9999.
_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999
#: Sizes from which on a time is one in ms, us, ns.
_LEAST_MS, _LEAST_US, _LEAST_NS = 10**11, 10**14, 10**17
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Levels of nesting beyond which a text is not read: nobody writes such a record, and recursion has to end somewhere.
MAX_DEPTH = 200


#: What reading strictly raises.
NOT_STRICT = (ValueError, RecursionError)


class NotJsonError(ValueError):
    """Raised when a text is no JSON; the message is the reason, without the text."""


def parse_strict(text: bytes) -> object:
    """Return the value of a JSON text that every program can read. Raises one of NOT_STRICT."""
    value = msgspec.json.decode(text)
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH and _is_too_deep(value):
        raise NotJsonError("nested too deep")
    return value


def parse_json(text: bytes) -> object:
    """Return the value of a JSON text, NaN and Infinity allowed.

    Strict JSON is tried first, as it is ten times as quick. Raises NotJsonError.
    """
    with suppress(*NOT_STRICT):
        return parse_strict(text)
    try:
        value = json.loads(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise NotJsonError(f"not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise NotJsonError("nested too deep") from None
    except json.JSONDecodeError as error:
        reason = "the text is empty" if not text.strip() else f"not JSON at character {error.pos}: {error.msg}"
        raise NotJsonError(reason) from None
    except ValueError:
        raise NotJsonError("a number with too many digits") from None
    return json_safe(value)


def _is_too_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            item
            for holder in level
            if isinstance(holder, dict | list)
            for item in (holder.values() if isinstance(holder, dict) else holder)
            if isinstance(item, dict | list)
        ]
    return bool(level)


def json_safe(value: object, *, depth: int = 0) -> object:
    """Return the value with NaN and infinities as None and lone surrogates replaced, fit for strict JSON."""
    if depth > MAX_DEPTH:
        raise NotJsonError("nested too deep")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(name): json_safe(item, depth=depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [json_safe(item, depth=depth + 1) for item in value]
    return value


def clean_text(text: str) -> str:
    """Return the text with lone surrogates, which UTF-8 cannot hold, replaced by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def to_number(value: object) -> int | float | None:
    """Return a finite number, also when it was written as text; None for anything else, booleans included."""
    if type(value) is float:
        return value if math.isfinite(value) else None
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else float(value) if abs(value) < 10**300 else None
    if isinstance(value, float) and math.isfinite(value):
        return value
    return None


def to_ms(value: object) -> int | None:
    """Return a time as ms since 1970 UTC: from s, ms, us or ns (told apart by size) or ISO 8601; else None."""
    if type(value) is int and _LEAST_MS <= value < _LEAST_US:
        return value
    if isinstance(value, str):
        with suppress(ValueError):
            value = int(value)
    number = to_number(value)
    moment = _iso_ms(value) if number is None else _number_ms(number)
    return moment if moment is not None and _FIRST_MS <= moment <= _LAST_MS else None


def _iso_ms(value: object) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // timedelta(milliseconds=1)


def _number_ms(number: int | float) -> int:
    size = abs(number)
    for least, per_ms in ((_LEAST_NS, 1_000_000), (_LEAST_US, 1_000), (_LEAST_MS, 1)):
        if size >= least:
            # Whole numbers stay whole: a double does not hold every nanosecond.
            return int(number) // per_ms
    # Fractions of a second are no exact doubles.
    return round(number * 1000)


def to_text(value: object) -> str | None:
    """Return text as it is and numbers as text; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None


def from_bytes(name: bytes) -> str:
    """Return a key's or member's bytes as text; bytes that are no UTF-8 are shown escaped."""
    return name.decode("utf-8", "backslashreplace")
