"""Plateau scores through the addresses: wherever a field may be named, as one that is worked out over all runs."""

from __future__ import annotations

import json
import statistics
from typing import Any

import pytest

from bots_app import analysis_fields
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from sessions_app.records import SessionId
from tests.api.conftest import SID, body_of, path_of

BOTS = path_of("bots")
SCORE = "plateau.profit"
FAST, SLOW = (5, 8, 13, 21), (20, 50, 100)


def profit(fast: int, slow: int) -> float:
    return float((fast * 7 + slow * 3) % 31)


def expected(fast: int, slow: int) -> float:
    """Return the median profit of the runs one step away."""
    around = [
        (one, other)
        for one in FAST
        for other in SLOW
        if abs(FAST.index(one) - FAST.index(fast)) + abs(SLOW.index(other) - SLOW.index(slow)) == 1
    ]
    return statistics.median(profit(*place) for place in around)


RUNS = {f"run-{fast}-{slow}": (fast, slow) for fast in FAST for slow in SLOW}
SCORES = {name: expected(*place) for name, place in RUNS.items()}


@pytest.fixture
def api(client_of: Any, real_store: Any) -> Any:
    records = [
        {
            "configHash": name,
            "status": "completed",
            "resultsMetadata": {"performance": {"totalProfit": profit(fast, slow), "with, comma": fast}},
            "configuration": {"fast": fast, "slow": slow, "symbol": "BTC"},
        }
        for name, (fast, slow) in RUNS.items()
    ]
    BotRegistry().put_many(SessionId.parse(SID), [RunWrite.parse(one) for one in records])
    return client_of("analyst")


def ask(api: Any, *address: str, **params: Any) -> Any:
    response = api.get(path_of("bots", *address), params)
    assert response.status_code == 200, response.content
    return body_of(response)


def test_rows_have_them_and_lists_are_ordered_and_narrowed_by_them(api):
    ranked = sorted(RUNS, key=lambda name: (SCORES[name], name), reverse=True)
    found = ask(api, ordering=f"-{SCORE}", fields=f"{SCORE},profit", limit=5, explain=1)
    assert [row["configHash"] for row in found["bots"]] == ranked[:5]
    assert [row[SCORE] for row in found["bots"]] == [SCORES[name] for name in ranked[:5]]
    assert found["plan"]["uses"] == "sweep table"
    following = ask(api, ordering=f"-{SCORE}", fields=SCORE, limit=5, cursor=found["nextCursor"])
    assert [row["configHash"] for row in following["bots"]] == ranked[5:10]
    wanted = {name for name in RUNS if SCORES[name] >= 10 and profit(*RUNS[name]) > SCORES[name]}
    narrowed = ask(api, **{f"min.{SCORE}": "10", "where": f"profit > {SCORE}"})
    assert {row["configHash"] for row in narrowed["bots"]} == wanted and narrowed["count"] == len(wanted)


def test_a_list_in_a_kept_order_has_them_too(api):
    found = ask(api, fields=SCORE, explain=1)
    assert {row["configHash"]: row[SCORE] for row in found["bots"]} == SCORES
    assert found["plan"] == {"uses": "sweep table", "why": "plateau scores are worked out over columns"}


def test_figures_and_analysis_and_exports_take_them(api):
    high = [name for name in RUNS if SCORES[name] >= 10]
    assert ask(api, "aggregate", where=f"{SCORE} >= 10")["count"] == len(high)
    assert ask(api, "quantiles", field=SCORE)["max"] == max(SCORES.values())
    assert sum(ask(api, "histogram", field=SCORE, bins=3)["counts"]) == len(RUNS)
    assert ask(api, "heatmap", x="config.fast", y="config.slow", metric=SCORE)["values"]
    assert ask(api, "correlation", fields=f"profit,{SCORE}")
    assert ask(api, "importance", metric=SCORE)["parameters"]
    place = ask(api, "run-8-50", "rank", ordering=f"-{SCORE}")
    assert place["rank"] == 1 + sorted(RUNS, key=lambda name: (SCORES[name], name), reverse=True).index("run-8-50")
    assert ask(api, "run-8-50", "percentiles", fields=SCORE)["metrics"][0]["value"] == SCORES["run-8-50"]
    assert ask(api, "run-8-50", "neighbours")["plateau"] == SCORES["run-8-50"]
    response = api.get(path_of("bots", "export"), {"fields": SCORE, "format": "ndjson", "ordering": SCORE, "limit": 1})
    assert b'"%b"' % SCORE.encode() in b"".join(response.streaming_content)


def test_they_are_listed_with_a_description_and_are_no_parameter(api):
    fields = {one["name"]: one for one in ask(api, "fields")["fields"]}
    assert {name for name in fields if name.startswith("plateau.")} == {SCORE}
    score = fields[SCORE]
    assert (score["kind"], score["count"], score["max"]) == ("number", len(RUNS), max(SCORES.values()))
    assert score["description"].startswith("Median of profit over the runs one step away")
    narrowed = ask(api, "fields", fields=SCORE, status="nosuch")["fields"][0]
    assert (narrowed["name"], narrowed["count"]) == (SCORE, 0)


def test_of_large_sessions_that_of_the_profit_is_listed_and_others_can_be_named(api, monkeypatch):
    record = {"configHash": "run-5-20", "status": "completed", "resultsMetadata": {"performance": {"sharpe": 1.0}}}
    record["configuration"] = {"fast": 5, "slow": 20, "symbol": "BTC"}
    BotRegistry().put(SessionId.parse(SID), RunWrite.parse(record))

    def names(**params: Any) -> set[str]:
        return {one["name"] for one in ask(api, "fields", **params)["fields"] if one["name"].startswith("plateau.")}

    assert names() == {SCORE, "plateau.sharpe"}
    monkeypatch.setattr(analysis_fields, "FEW_RUNS", 1)
    assert names() == {SCORE} and names(fields="plateau.sharpe") == {"plateau.sharpe"}


def test_one_that_is_misspelt_is_told_with_the_nearest(api):
    for params in ({"ordering": "plateau.proft"}, {"fields": "plateau.proft"}, {"where": "plateau.proft > 1"}):
        response = api.get(BOTS, params)
        assert response.status_code == 400
        assert "plateau.profit" in str(body_of(response))


@pytest.mark.parametrize("sign", ["", "-"])
def test_an_order_by_a_name_with_a_comma_is_the_same_everywhere(api, sign):
    field, ordering = "with, comma", f"{sign}`with, comma`,profit"
    rows = ask(api, ordering=ordering, fields=f"`{field}`,profit", limit=500)["bots"]
    wanted = sorted(rows, key=lambda row: row["configHash"])
    wanted.sort(key=lambda row: row["profit"])
    wanted.sort(key=lambda row: row[field], reverse=bool(sign))
    assert [row[field] for row in rows] == [row[field] for row in wanted] and len({row[field] for row in rows}) > 1
    names = [row["configHash"] for row in rows]
    first = ask(api, ordering=ordering, limit=3)
    after = ask(api, ordering=ordering, limit=500, cursor=first["nextCursor"])
    assert [row["configHash"] for row in first["bots"] + after["bots"]] == names
    assert ask(api, names[4], "rank", ordering=ordering)["rank"] == 5
    response = api.get(path_of("bots", "export"), {"format": "ndjson", "fields": "profit", "ordering": ordering})
    lines = b"".join(response.streaming_content).splitlines()
    assert [json.loads(line)["configHash"] for line in lines] == names


def test_a_name_with_a_comma_stands_in_backquotes(api):
    found = ask(api, fields="`with, comma`,profit", limit=1)["bots"][0]
    assert found == {"configHash": found["configHash"], "with, comma": RUNS[found["configHash"]][0]} | {
        "profit": found["profit"]
    }
    assert ask(api, "fields", fields="`with, comma`")["fields"][0]["name"] == "with, comma"
    assert ask(api, where="`with, comma` = 8")["count"] == len(SLOW)
    response = api.get(path_of("bots", "export"), {"fields": "`with, comma`", "where": "config.fast = 5"})
    assert b"".join(response.streaming_content).splitlines()[0] == b'configHash,"with, comma"'
