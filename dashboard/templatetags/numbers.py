"""Template filters over `dashboard.web.numbers`: text for a cell, and elements with the stored value in their title."""

from __future__ import annotations

import math
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.web import numbers

register = template.Library()

for _function in (
    numbers.count,
    numbers.price,
    numbers.probability,
    numbers.parameter,
    numbers.tone,
    numbers.day,
    numbers.minute,
    numbers.stamp,
    numbers.duration,
    numbers.exact,
):
    register.filter(_function.__name__, _function)


@register.filter
def number(value: Any, places: int = 2) -> str:
    return numbers.number(value, places)


@register.filter
def percent(value: Any, places: int = 1) -> str:
    return numbers.percent(value, places)


@register.filter
def signed_percent(value: Any, places: int = 1) -> str:
    return numbers.percent(value, places, signed=True)


@register.filter
def money(value: Any) -> str:
    return numbers.money(value)


@register.filter
def signed_money(value: Any) -> str:
    return numbers.money(value, signed=True)


@register.filter
def ago(ms: Any, suffix: str = "") -> SafeString | str:
    """Return a `time` element with the age as text and the exact moment as title; `suffix` follows an age above now."""
    stamp = numbers.stamp(ms)
    if not stamp:
        return numbers.MISSING
    age = numbers.age(ms)
    words = f"{age} {suffix}" if suffix and age != "now" else age
    return format_html('<time datetime="{}" title="{} UTC">{}</time>', stamp, numbers.minute(ms), words)


@register.simple_tag
def span_years(start_ms: Any, end_ms: Any) -> str:
    """Return the length of a period in years."""
    return numbers.years(start_ms, end_ms)


@register.simple_tag
def completed(session: Any) -> SafeString | str:
    """Return the share of a session's runs that are completed, as a bar with its number."""
    runs, done = numbers.finite(session.runCount), numbers.finite(session.completedRuns)
    if not runs or done is None:
        return format_html('<span class="quiet">{}</span>', numbers.MISSING)
    # Rounded down, as 100 % must mean every run.
    share = math.floor(1000 * min(done / runs, 1)) / 10
    css = "ok" if share == 100 else ""
    return format_html(
        '<progress class="{}" max="100" value="{}">{} %</progress> <span class="quiet">{} %</span>',
        css,
        share,
        share,
        share,
    )
