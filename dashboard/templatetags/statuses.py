"""Template filters for statuses and for cells of a runs table: shape and colour by status, n/a with its reason."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.web import numbers

register = template.Library()

#: A status is any text; only these have a glyph of their own.
GLYPHS = {"completed": "completed", "running": "running", "failed": "failed", "unreadable": "unreadable"}
BADGES = {"completed": "ok", "failed": "bad", "unreadable": "warn"}
NOT_REPORTED = "The record does not report this."


@register.filter
def glyph(status: Any, unreadable: Any = None) -> SafeString:
    """Return the mark of a status; that of an unreadable run whatever its index says."""
    name = "unreadable" if unreadable else str(status or "")
    return format_html(
        '<span class="st {}" role="img" aria-label="{}"></span>', GLYPHS.get(name, "other"), status_word(name)
    )


@register.filter
def status_word(status: Any) -> str:
    """Return the status as a word to read."""
    name = str(status or "")
    if name.startswith("!"):
        return f"Not {name.removeprefix('!')}"
    return name.capitalize() if name in GLYPHS else name or "No status"


@register.filter
def badge_class(status: Any) -> str:
    return BADGES.get(str(status or ""), "")


@register.filter
def cell(value: Any, places: int = 2) -> SafeString | str:
    """Return a number for a cell of the runs table."""
    return numbers.number(value, places) if numbers.finite(value) is not None else missing(NOT_REPORTED)


@register.filter
def field_cell(value: Any) -> SafeString | str:
    """Return the value of any field for a cell: numbers with the digits that tell them apart, other values as words."""
    if value is None:
        return missing(NOT_REPORTED)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return numbers.price(value) if numbers.finite(value) is not None else str(value)


@register.filter
def share_cell(value: Any) -> SafeString | str:
    """Return a ratio as percent; above 1 it can only be a percentage already, as some writers keep it."""
    ratio = numbers.finite(value)
    if ratio is None:
        return missing(NOT_REPORTED)
    return numbers.percent(ratio if abs(ratio) <= 1 else ratio / 100)


@register.filter
def missing(reason: Any) -> SafeString:
    """Return n/a with the reason in its title."""
    return format_html('<span class="quiet" title="{}">{}</span>', reason or "", numbers.MISSING)


@register.simple_tag
def share(part: Any, whole: Any) -> str:
    """Return how much of the whole a part is, in percent."""
    total = numbers.finite(whole)
    return numbers.percent((numbers.finite(part) or 0) / total) if total else numbers.MISSING
