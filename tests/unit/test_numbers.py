"""Numbers as the pages write them (ui.md, section 6)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dashboard.templatetags.numbers import ago
from dashboard.web import numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (25945.4, "+25,945"),
        (-1701.0, "−1,701"),
        (999.999, "+1,000.00"),
        (12.3456, "+12.35"),
        (0.123456, "+0.1235"),
        (-0.00123456, "−0.001235"),
        (4.5e-06, "+4.5e−06"),
        (0, "0"),
        (-0.0, "0"),
        (None, "n/a"),
        (123456789012.0, "+123,456,789,012"),
        (1e15, "+1e15"),
        (-1.7976e308, "−1.798e308"),
        (float("nan"), "n/a"),
        (float("inf"), "n/a"),
        ("12", "n/a"),
        (True, "n/a"),
    ],
)
def test_money_is_written_by_its_magnitude_and_signed(value, text):
    assert numbers.money(value, signed=True) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0.0971, "9.7 %"),
        (-0.0004, "−0.040 %"),
        (0.00000123, "0.00012 %"),
        (1e-12, "1e−10 %"),
        (0.0005, "0.1 %"),
        (0.0, "0.0 %"),
        (1, "100.0 %"),
        (-0.25, "−25.0 %"),
        (1e300, "1e302 %"),
        (None, "n/a"),
    ],
)
def test_percent_has_one_decimal_and_a_true_minus(ratio, text):
    assert numbers.percent(ratio) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "> 0.999"), (0.9995, "> 0.999"), (0.0, "< 0.001"), (0.95, "0.950"), (0.586, "0.586")]
)
def test_a_probability_never_reads_one_or_zero(value, text):
    assert numbers.probability(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(97275.7, "97,275.7"), (1.08345, "1.08345"), (30000.0, "30,000"), (1e-9, "1e−09"), (None, "n/a")],
)
def test_prices_keep_their_digits(value, text):
    assert numbers.price(value) == text


def test_what_rounds_to_zero_has_no_sign():
    assert numbers.number(-0.004) == "0.00"
    assert numbers.number(0.004, signed=True) == "0.00"
    assert numbers.number(-1234.5, 1) == "−1,234.5"


@pytest.mark.parametrize(
    ("value", "tone"), [(1, "pos"), (-1, "neg"), (0, ""), (None, "quiet"), (float("nan"), "quiet")]
)
def test_tone_follows_the_sign(value, tone):
    assert numbers.tone(value) == tone


def test_dates_are_utc_and_outside_the_calendar_they_are_missing():
    assert numbers.day(1_640_995_200_000) == "2022-01-01"
    assert numbers.minute(1_640_995_200_000 + 125 * 60_000) == "2022-01-01 02:05"
    assert numbers.stamp(0) == "1970-01-01T00:00:00Z"
    for impossible in (None, 10**18, -(10**18), float("nan"), "yesterday"):
        assert numbers.day(impossible) == "n/a"
        assert numbers.stamp(impossible) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5, "now"), (-500, "now"), (180, "3 min"), (3 * 3600, "3 h"), (86_400, "1 d"), (86_400 * 1500, "1,500 d")],
)
def test_age_is_told_in_one_unit(seconds, text):
    now = datetime(2025, 6, 7, 14, 5, tzinfo=UTC)
    assert numbers.age((now.timestamp() - seconds) * 1000, now) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(44 * 3600, "44 h"), (103 * 86_400, "103 days"), (90, "2 min"), (5, "5 s"), (-1, "n/a"), (None, "n/a")],
)
def test_durations(seconds, text):
    assert numbers.duration(seconds) == text


def test_parameters_are_shown_as_stored():
    assert [numbers.parameter(v) for v in (True, None, 0.02, -3, "sma")] == ["yes", "none", "0.02", "−3", "sma"]


def test_length_in_years():
    assert numbers.years(1_640_995_200_000, 1_735_689_600_000) == "3.00"
    assert numbers.years(2, 1) == "n/a"


def test_an_age_is_followed_by_its_word_but_now_is_not(monkeypatch):
    monkeypatch.setattr(numbers, "age", lambda ms: {1_000_000_000_000: "now", 1_000_000_060_000: "3 h"}[ms])
    assert ">now</time>" in ago(1_000_000_000_000, "ago")
    assert ">3 h ago</time>" in ago(1_000_000_060_000, "ago")
    assert ">3 h</time>" in ago(1_000_000_060_000)
