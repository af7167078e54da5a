"""Reading what other programs wrote: JSON with NaN or lone surrogates in it, numbers as text, times in any unit.

Readers here never fail on a value: what has no meaning is None. Only a text that is no JSON at all raises.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import msgspec

#: Levels of nesting beyond which a text is not read: nobody writes such a record, and recursion has to end somewhere.
MAX_DEPTH = 200


class NotJsonError(ValueError):
    """Raised when a text is no JSON; the message is the reason, without the text."""


def parse_json(text: bytes) -> object:
    """Return the value of a JSON text, NaN and Infinity allowed.

    Strict JSON is tried first, as it is ten times as quick. Raises NotJsonError.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        pass
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
    number = to_number(value)
    if number is not None:
        size = abs(number)
        for least, per_ms in ((1e17, 1e6), (1e14, 1e3), (1e11, 1.0)):
            if size >= least:
                return int(number / per_ms) if per_ms > 1 else int(number)
        return int(number * 1000)
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    return None


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
