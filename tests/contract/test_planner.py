"""Both ways to read a list, and a naive scan of the records, agree: rows, order, count, figures."""

from __future__ import annotations

import itertools
import statistics
from functools import cmp_to_key
from typing import Any

import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bots_app.expressions import parse
from bots_app.performance import PerformanceRegistry
from bots_app.planner import plan_of
from bots_app.query import ORDERINGS, Bound, RunQuery
from bots_app.registry import BotRegistry
from bots_app.table.ordering import TablePosition
from bots_app.table_lists import read_table_page
from bots_app.writing import RunWrite
from dashboard.store.client import client
from sessions_app.records import SessionId
from tests.contract.model import SID, Model, run

sid = SessionId.parse(SID)
#: Few values, so that many runs tie.
PROFITS = st.sampled_from([None, -2.0, 0.0, -0.0, 1.5, 1e300, 7.25])
SHARPES = st.sampled_from([None, -1, 0, 0.5, 2, float("inf"), "1.5"])
FASTS = st.sampled_from([None, 5, 8, 13, "auto", True])
SLOWS = st.sampled_from([None, 1, 2, 4])
STATUSES = ("completed", "failed", "odd:profit")
WHERES = {
    "sharpe > 0": lambda one: number(one["sharpe"]) is not None and number(one["sharpe"]) > 0,
    "not sharpe > 0": lambda one: not (number(one["sharpe"]) is not None and number(one["sharpe"]) > 0),
    "config.fast in (5, 8) or config.fast = 'auto'": lambda one: (
        one["fast"] is not True and one["fast"] in (5, 8, "auto")
    ),
    "config.fast is missing": lambda one: one["fast"] is None,
    "plateau.sharpe >= 0.5": lambda one: one["plateau.sharpe"] is not None and one["plateau.sharpe"] >= 0.5,
    "profit > plateau.profit": lambda one: (
        None not in (one["profit"], one["plateau.profit"]) and one["profit"] > one["plateau.profit"]
    ),
}
PLATEAUS = ("plateau.profit", "plateau.sharpe")


def number(value: Any) -> float | None:
    """Return a metric as it counts: numbers as texts are numbers, infinities are nothing."""
    value = float(value) if isinstance(value, str) else value
    return None if value is None or value in (float("inf"), float("-inf")) else value


def record(name: str, one: dict[str, Any]) -> dict[str, Any]:
    made = run(name, one["profit"], one["status"], updated=one["updated"])
    if one["sharpe"] is not None:
        made["resultsMetadata"]["performance"]["sharpe"] = (
            "Infinity" if one["sharpe"] == float("inf") else one["sharpe"]
        )
    made["configuration"] = {name: one[name] for name in ("fast", "slow") if one[name] is not None}
    return made


def with_plateaus(runs: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the runs with their plateau scores, worked out by looking at every two of them."""
    levels = {name: {one[name] for one in runs.values()} - {None} for name in ("fast", "slow")}

    def is_step(name: str, one: Any, other: Any) -> bool:
        if one is None or other is None:
            return False
        if any(isinstance(level, str | bool) for level in levels[name]):
            return True  # texts, among them booleans and numbers, have no order
        return not any(min(one, other) < level < max(one, other) for level in levels[name])

    def is_neighbour(one: dict[str, Any], other: dict[str, Any]) -> bool:
        differ = [name for name in levels if (type(one[name]), one[name]) != (type(other[name]), other[name])]
        return len(differ) == 1 and is_step(differ[0], one[differ[0]], other[differ[0]])

    found = {}
    for name, one in runs.items():
        around = [other for other in runs.values() if is_neighbour(one, other)]
        scores = {}
        for plateau in PLATEAUS:
            known = [number(other[plateau.removeprefix("plateau.")]) for other in around]
            scores[plateau] = statistics.median([value for value in known if value is not None] or [float("inf")])
        found[name] = one | {plateau: number(score) for plateau, score in scores.items()}
    return found


RUNS = st.lists(
    st.fixed_dictionaries(
        {
            "profit": PROFITS, "sharpe": SHARPES, "fast": FASTS, "slow": SLOWS, "status": st.sampled_from(STATUSES),
            "updated": st.sampled_from([1_699_999_999_999, 1_700_000_000_000, 1_700_000_000_001]),
        }
    ),
    max_size=25,
)  # fmt: skip
BOUNDS = st.sampled_from(
    [
        (),
        (Bound("sharpe", 0.0),),
        (Bound("config.fast", None, 8.0), Bound("sharpe", -1.0, 2.0)),
        (Bound("plateau.profit", 0.0),),
    ]
)
QUERIES = st.builds(
    RunQuery,
    statuses=st.sampled_from([(), ("completed",), ("failed", "odd:profit")]),
    min_profit=st.sampled_from([None, -0.0, 1.0]),
    max_profit=st.sampled_from([None, 7.25]),
    ordering=st.sampled_from(
        [*ORDERINGS, "-sharpe", "sharpe", "sharpe,-profit", "-sharpe,lastUpdated", "-profit,sharpe"]
        + ["-plateau.sharpe", "plateau.profit,-sharpe"]
    ),
    bounds=BOUNDS,
    where=st.sampled_from([None, *map(parse, WHERES)]),
)


def naive(runs: dict[str, dict[str, Any]], query: RunQuery) -> list[str]:
    """Return the hashes of a list by looking at every run."""

    def value(one: dict[str, Any], field: str) -> float | None:
        found = one[{"config.fast": "fast", "lastUpdated": "updated"}.get(field, field)]
        return None if isinstance(found, bool) or found == "auto" else number(found)

    def matches(one: dict[str, Any]) -> bool:
        ranges = [("profit", query.min_profit, query.max_profit), *query.bounds]
        for field, least, most in ranges:
            at = value(one, field)
            if (least, most) != (None, None) and at is None:
                return False
            if (least is not None and at < least) or (most is not None and at > most):  # type: ignore[operator]
                return False
        return (not query.statuses or one["status"] in query.statuses) and (
            query.where is None or WHERES[query.where.text](one)
        )

    def compare(first: str, second: str) -> int:
        (by, descending), *others = query.order
        a, b = value(runs[first], by), value(runs[second], by)
        if a is None and b is None:
            return -1 if first < second else 1
        for field, is_down in ((by, descending), *others):
            a, b = value(runs[first], field), value(runs[second], field)
            if a != b:
                if a is None or b is None:
                    return 1 if a is None else -1
                return (-1 if a < b else 1) * (-1 if is_down else 1)
        return (-1 if first < second else 1) * (-1 if descending else 1)

    return sorted((name for name in runs if matches(runs[name])), key=cmp_to_key(compare))


def walked(query: RunQuery, limit: int) -> tuple[list[str], int]:
    """Return the hashes and the count of a walk as the planner has it."""
    pages = [BotRegistry().page(sid, query, limit=limit)]
    while pages[-1].next_cursor:
        pages.append(BotRegistry().page(sid, query, cursor=pages[-1].next_cursor, limit=limit))
    assert len({page.count for page in pages}) == 1
    back = [pages[-1]]
    while back[0].previous_cursor:
        back.insert(0, BotRegistry().page(sid, query, cursor=back[0].previous_cursor, limit=limit))
    found = [[name for page in walk for name in page.hashes] for walk in (pages, back)]
    assert found[0] == found[1]
    return found[0], pages[0].count


def walked_in_table(query: RunQuery, limit: int) -> list[str]:
    found: list[str] = []
    position: TablePosition | None = TablePosition()
    while position is not None:
        page, rows = read_table_page(sid, query, position=position, limit=limit)
        assert None not in rows
        found += page.hashes
        position = page.next()
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=RUNS, queries=st.lists(QUERIES, min_size=1, max_size=4), limit=st.integers(1, 9), data=st.data())
def test_both_ways_answer_what_a_look_at_every_run_does(
    store: redis.Redis, runs: list[dict[str, Any]], queries: list[RunQuery], limit: int, data: st.DataObject
) -> None:
    client().flushall()
    # Fields that every query may name, whatever was drawn.
    anchor = {"profit": 0.25, "sharpe": 1, "fast": 5, "slow": 1, "status": "completed", "updated": 1_700_000_000_002}
    known = {f"run-{place:02}": one for place, one in enumerate(runs)} | {"anchor": anchor}
    writes = [record(name, one) for name, one in known.items()]
    BotRegistry().put_many(sid, map(RunWrite.parse, writes))
    for changed in data.draw(st.lists(st.sampled_from(sorted(known)), max_size=3)):
        if changed != "anchor":
            known.pop(changed, None)
            if BotRegistry().page(sid, RunQuery(), limit=500).hashes.count(changed):
                BotRegistry().delete(sid, changed)
    scored = with_plateaus(known)
    for query in queries:
        wanted = naive(scored, query)
        assert walked(query, limit) == (wanted, len(wanted)), plan_of(query)
        assert walked_in_table(query, limit) == wanted
        for name in itertools.islice(wanted, 3):
            assert BotRegistry().rank(sid, name, query) == (wanted.index(name) + 1, len(wanted))


def test_figures_of_both_ways_are_those_of_the_model(store: redis.Redis) -> None:
    records = [run(f"r{n:02}", None if n % 7 == 0 else n * 1.25 - 9, ("completed", "failed")[n % 2]) for n in range(40)]
    BotRegistry().put_many(sid, map(RunWrite.parse, records))
    for query in (RunQuery(), RunQuery(("failed",)), RunQuery(min_profit=0.0), RunQuery(("completed",), -5.0, 20.0)):
        answer, wanted = PerformanceRegistry().aggregate(sid, query), Model(records).aggregate(query)
        assert {name: answer[name] for name in ("count", "countByStatus", "bestConfigHash", "worstConfigHash")} == {
            name: wanted[name] for name in ("count", "countByStatus", "bestConfigHash", "worstConfigHash")
        }
        assert abs(answer["avgProfit"] - wanted["avgProfit"]) < 1e-12
        assert answer["medianProfit"] == wanted["medianProfit"]
    by_fields = PerformanceRegistry().aggregate(sid, RunQuery(where=parse("profit >= 0 and not profit > 20")))
    assert by_fields["count"] == Model(records).aggregate(RunQuery(min_profit=0.0, max_profit=20.0))["count"]
