"""Hypothesis strategies of trades, plain and nasty."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.unit.analysis.naive import DAY_MS, Row

START = 1_704_067_200_000  # 2024-01-01 00:00 UTC
HOUR = 3_600_000

#: Quarters add up without rounding, so that "recovered" means the same for a running sum and for a list of additions.
MONEY = st.integers(-4_000, 4_000).map(lambda quarters: quarters / 4)
AMOUNT = st.integers(1, 1_000).map(lambda quarters: quarters / 4)
SIDES = st.sampled_from(["long", "short", None])

#: A loaded machine draws slowly; that says nothing about the code.
PATIENT = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

Trades = Callable[[int, int], st.SearchStrategy[Row]]


def closed_trades(start: int, end: int) -> st.SearchStrategy[Row]:
    """Make complete trades within the session, on the hour, so that exits often coincide."""
    hours = st.integers(0, (end - start) // HOUR).map(lambda hour: start + hour * HOUR)
    return st.builds(
        lambda times, **more: Row(entry_time=min(times), exit_time=max(times), **more),
        st.tuples(hours, hours),
        side=SIDES,
        entry_price=AMOUNT,
        exit_price=AMOUNT,
        size=AMOUNT,
        profit=MONEY,
        fee=st.none() | AMOUNT,
        reason=st.sampled_from(["signal", "stop", None]),
    )


def broken_trades(start: int, end: int) -> st.SearchStrategy[Row]:
    """Make trades from which anything may be missing, outside the session or with an exit before the entry."""
    times = st.none() | st.integers(start - 3 * DAY_MS, end + 3 * DAY_MS)
    return st.builds(
        Row,
        side=SIDES,
        entry_time=times,
        exit_time=times,
        entry_price=st.none() | MONEY,
        exit_price=st.none() | MONEY,
        size=st.none() | MONEY,
        profit=st.none() | MONEY | st.just(float("nan")),
        fee=st.none() | MONEY,
        reason=st.none() | st.sampled_from(["", "stop", "-"]),
    )


def runs(*, trades: Trades = closed_trades, min_size: int = 0) -> st.SearchStrategy[tuple[list[Row], int, int]]:
    """Make lists of trades with the start and end of their session."""

    def within(session: tuple[int, int]) -> st.SearchStrategy[tuple[list[Row], int, int]]:
        start, end = START + session[0] * DAY_MS // 4, START + session[0] * DAY_MS // 4 + session[1] * HOUR
        rows = st.lists(trades(start, end), min_size=min_size, max_size=12)
        return st.tuples(rows, st.just(start), st.just(end))

    return st.tuples(st.integers(0, 40), st.integers(1, 60 * 24)).flatmap(within)
