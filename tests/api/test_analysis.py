"""The analysis of a session through its addresses: against the records themselves, within the filters, bounded."""

from __future__ import annotations

import math
import statistics
from typing import Any

import pytest

from bots_app import analysis_columns, analysis_fields, chosen_columns
from bots_app.analysis_kept import Kept
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from sessions_app.records import SessionId
from tests.api.conftest import SID, assert_error, body_of, path_of
from tests.api.test_parameters import refusal

#: Every address of the analysis with the least it has to be asked.
ASKED = {
    "fields": {}, "histogram": {"field": "profit"}, "quantiles": {"field": "profit"},
    "density": {"x": "config.fast", "y": "profit"}, "heatmap": {"x": "config.fast", "y": "config.kind"},
    "parallel": {}, "importance": {}, "correlation": {"fields": "profit,config.fast"},
    "run-0/percentiles": {}, "run-0/neighbours": {}, "run-0/rank": {},
}  # fmt: skip
#: The parameters that name fields.
NAMING = {
    "fields": ["fields"], "histogram": ["field"], "quantiles": ["field"], "density": ["x", "y"],
    "heatmap": ["x", "y", "metric"], "parallel": ["fields", "metric"], "importance": ["fields", "metric"],
    "correlation": ["fields"], "run-0/percentiles": ["fields"], "run-0/neighbours": ["fields", "metric"],
    "run-0/rank": ["ordering"],
}  # fmt: skip


def grid() -> list[dict[str, Any]]:
    """Return 60 runs: all of five fast, four slow, three kinds; each seventh without a profit, one mode a number."""
    records = []
    for number in range(60):
        fast, slow, kind = number % 5, number // 5 % 4, number // 20
        performance = {"sharpeRatio": math.sin(number), "note": f"text {number % 4}"}
        if number % 7:
            performance["totalProfit"] = fast * 10 - slow * slow + kind + number / 100
        records.append(
            {
                "configHash": f"run-{number}",
                "status": "completed" if number % 7 else "failed",
                "resultsMetadata": {"performance": performance},
                "configuration": {
                    "fast": fast,
                    "slow": slow * 2,
                    "kind": ("up", "down", "wild")[kind],
                    "symbol": "BTC",
                    "isOn": number % 2 == 0,
                },
            }
        )
    return records


@pytest.fixture
def sweep(real_store: Any) -> list[dict[str, Any]]:
    records = grid()
    BotRegistry().put_many(SessionId.parse(SID), [RunWrite.parse(one) for one in records])
    return records


@pytest.fixture
def api(client_of: Any, sweep: list[dict[str, Any]]) -> Any:
    return client_of("analyst")


def ask(api: Any, address: str, **params: Any) -> Any:
    response = api.get(path_of("bots", *address.split("/")), ASKED.get(address, {}) | params)
    assert response.status_code == 200, response.content
    assert len(response.content) <= 256 * 1024
    return body_of(response)


def profit(record: dict[str, Any]) -> float | None:
    return record["resultsMetadata"]["performance"].get("totalProfit")


def profits(records: list[dict[str, Any]]) -> list[float]:
    return [found for one in records if (found := profit(one)) is not None]


def test_fields_are_those_of_the_records_each_of_its_kind(api, sweep):
    answer = ask(api, "fields")
    fields = {one["name"]: one for one in answer["fields"]}
    assert answer.keys() == {"fields", "detail", "leftOut", "omitted", "omittedCount", "choice", "runs"}
    assert (answer["runs"], answer["detail"], answer["leftOut"], answer["omittedCount"]) == (60, "full", 0, 0)
    kinds = {name: one["kind"] for name, one in fields.items()}
    assert kinds.items() >= {
        "profit": "number", "sharpe": "number", "status": "text", "config.fast": "number", "config.kind": "text",
        "config.isOn": "boolean", "config.symbol": "text", "note": "text",
    }.items()  # fmt: skip
    known = profits(sweep)
    assert (fields["profit"]["count"], fields["profit"]["missing"]) == (len(known), 60 - len(known))
    assert (fields["profit"]["min"], fields["profit"]["max"]) == (min(known), max(known))
    assert fields["profit"]["mean"] == pytest.approx(statistics.fmean(known))
    assert fields["profit"]["std"] == pytest.approx(statistics.stdev(known))
    assert {one["probability"]: one["value"] for one in fields["profit"]["quantiles"]}[0.5] == statistics.median(known)
    assert fields["config.kind"]["distinct"] == 3
    assert {one["value"]: one["count"] for one in fields["config.kind"]["commonest"]} == dict.fromkeys(
        ("up", "down", "wild"), 20
    )
    assert {one["value"]: one["count"] for one in fields["config.isOn"]["commonest"]} == {"true": 30, "false": 30}
    assert all(one["description"] for one in answer["fields"])
    assert "Sum of the profits" in fields["profit"]["description"]
    assert [one["name"] for one in ask(api, "fields", fields="sharpe,config.fast")["fields"]] == [
        "config.fast",
        "sharpe",
    ]


def test_a_histogram_counts_each_run_once(api, sweep):
    answer = ask(api, "histogram", bins=7)
    known, edges = profits(sweep), answer["edges"]
    for place, count in enumerate(answer["counts"]):
        low, high = edges[place : place + 2]
        is_last = place == len(edges) - 2
        assert count == sum(low <= one < high or (is_last and one == high) for one in known)
    assert sum(answer["counts"]) + answer["missing"] == answer["runs"] == 60
    assert len(ask(api, "histogram")["counts"]) >= 10


def test_quantiles_are_exact(api, sweep):
    answer = ask(api, "quantiles", at="0.5,0,1")
    known = profits(sweep)
    assert [(one["probability"], one["value"]) for one in answer["quantiles"]] == [
        (0, min(known)), (0.5, statistics.median(known)), (1, max(known)),
    ]  # fmt: skip


def test_density_counts_pairs(api, sweep):
    answer = ask(api, "density", y="config.slow", xBins=5, yBins=7)
    assert sum(map(sum, answer["counts"])) == 60
    assert [sum(column) for column in zip(*answer["counts"], strict=True)] == [12] * 5


@pytest.mark.parametrize(
    ("statistic", "figure"),
    [("median", statistics.median), ("max", max), ("min", min), ("mean", statistics.fmean), ("count", None)],
)
def test_a_heat_map_has_the_figure_of_each_pair_and_the_names_of_texts(api, sweep, statistic, figure):
    answer = ask(api, "heatmap", statistic=statistic)
    assert answer["x"]["values"] == [0, 1, 2, 3, 4]
    assert answer["y"]["labels"] == ["down", "up", "wild"]
    for j, kind in enumerate(answer["y"]["labels"]):
        for i, fast in enumerate(answer["x"]["values"]):
            there = [
                one for one in sweep if (one["configuration"]["fast"], one["configuration"]["kind"]) == (fast, kind)
            ]
            expected = len(there) if figure is None else figure(profits(there))
            assert answer["values"][j][i] == pytest.approx(expected)
            assert answer["counts"][j][i] == len(there)


def test_booleans_are_labels_too(api):
    assert ask(api, "heatmap", y="config.isOn")["y"]["labels"] == ["false", "true"]


@pytest.mark.parametrize("best", ["highest", "lowest"])
def test_parallel_axes_have_the_best_runs_as_lines_and_all_others_counted(api, sweep, best):
    answer = ask(api, "parallel", top=5, best=best)
    names = ["config.fast", "config.isOn", "config.kind", "config.slow", "profit"]
    assert [one["name"] for one in answer["axes"]] == names
    ranked = sorted((one for one in sweep if profit(one) is not None), key=profit, reverse=best == "highest")
    assert answer["hashes"] == [one["configHash"] for one in ranked[:5]]
    assert [line[-1] for line in answer["lines"]] == [profit(one) for one in ranked[:5]]
    kinds = answer["axes"][2]["labels"]
    assert [kinds[line[2]] for line in answer["lines"]] == [one["configuration"]["kind"] for one in ranked[:5]]
    assert (answer["others"], sum(answer["counts"][0]), answer["runs"]) == (55, 55, 60)


def test_importance_looks_at_every_parameter_that_varies(api):
    answer = ask(api, "importance")
    assert {one["name"] for one in answer["parameters"]} == {
        "config.fast", "config.slow", "config.kind", "config.isOn",
    }  # fmt: skip
    assert answer["parameters"][0]["name"] == "config.fast"
    assert answer["parameters"][0]["share"] > 0.8
    assert [one["name"] for one in ask(api, "importance", fields="config.slow")["parameters"]] == ["config.slow"]


def test_correlation_is_of_ranks(api):
    answer = ask(api, "correlation", fields="config.fast,profit,config.slow")
    assert answer["names"] == ["config.fast", "profit", "config.slow"]
    assert [answer["values"][place][place] for place in range(3)] == [1, 1, 1]
    assert answer["values"][0][1] == answer["values"][1][0] > 0.8
    assert abs(answer["values"][0][2]) < 1e-12


def test_percentiles_say_where_a_run_stands(api, sweep):
    answer = ask(api, "run-9/percentiles", fields="profit,config.fast")
    known, own = profits(sweep), profit(sweep[9])
    [money, fast] = answer["metrics"]
    assert (money["value"], money["lower"], money["count"]) == (own, sum(one < own for one in known), len(known))
    assert money["percentile"] == pytest.approx(money["lower"] / (len(known) - 1))
    assert (fast["same"], fast["lower"]) == (11, 48)
    assert {one["metric"] for one in ask(api, "run-9/percentiles")["metrics"]} == {"profit", "sharpe"}
    other = ask(api, "run-9/percentiles", status="failed")
    assert (other["isMatch"], other["runs"], answer["isMatch"], answer["runs"]) == (False, 9, True, 60)


def test_neighbours_differ_by_one_step_and_make_the_plateau(api, sweep):
    answer = ask(api, "run-22/neighbours", fields="config.fast,config.slow,config.kind")
    run = sweep[22]["configuration"]

    def is_neighbour(one: dict[str, Any]) -> bool:
        other = one["configuration"]
        steps = [abs(other["fast"] - run["fast"]), abs(other["slow"] - run["slow"]) / 2, other["kind"] != run["kind"]]
        return sum(steps) == 1

    expected = [one for one in sweep if is_neighbour(one)]
    assert {one["configHash"] for one in answer["neighbours"]} == {one["configHash"] for one in expected}
    assert answer["count"] == len(expected) == 5
    assert answer["plateau"] == statistics.median(profits(expected))
    assert answer["metric"] == profit(sweep[22])
    assert {one["parameter"] for one in answer["neighbours"] if isinstance(one["value"], str)} == {"config.kind"}


def test_rank_is_the_place_in_the_list(api):
    for params in ({}, {"ordering": "-sharpe"}, {"ordering": "config.fast,-profit"}, {"status": "failed"}):
        answer = body_of(api.get(path_of("bots"), params | {"limit": 500}))
        listed = [one["configHash"] for one in answer["bots"]]
        for number in (0, 9, 59):
            found = ask(api, f"run-{number}/rank", **params)
            rank = listed.index(f"run-{number}") + 1 if f"run-{number}" in listed else None
            assert (found["rank"], found["count"]) == (rank, len(listed))
            assert found["percentile"] == (None if rank is None else (len(listed) - rank) / (len(listed) - 1))


def is_up(record: dict[str, Any]) -> bool:
    return record["configuration"]["kind"] == "up"


FILTERS = [
    ({"status": "completed"}, lambda one: one["status"] == "completed"),
    ({"minProfit": "10"}, lambda one: (profit(one) or 0) >= 10),
    (
        {"min.config.fast": "2", "max.config.slow": "4"},
        lambda one: one["configuration"]["fast"] >= 2 and one["configuration"]["slow"] <= 4,
    ),
    ({"where": "config.kind = 'up' and profit > 3"}, lambda one: is_up(one) and (profit(one) or 0) > 3),
    ({"status": "nosuch"}, lambda one: False),
]  # fmt: skip


@pytest.mark.parametrize(("params", "is_kept"), FILTERS)
def test_every_figure_is_of_the_runs_that_match(api, sweep, params, is_kept):
    expected = sum(map(is_kept, sweep))
    for address in ASKED:
        if address == "run-0/neighbours" or (not expected and address == "parallel"):
            continue
        answer = ask(api, address, **params)
        assert answer["count" if address == "run-0/rank" else "runs"] == expected, address
    if not expected:
        assert "no parameter varies" in refusal(api.get(path_of("bots", "parallel"), params), "fields")


@pytest.mark.parametrize("address", ASKED)
def test_what_is_unknown_is_refused_by_name(api, address):
    path = path_of("bots", *address.split("/"))
    asked = ASKED[address]
    assert "Accepted are" in refusal(api.get(path, asked | {"unheardOf": "1"}), "unheardOf")
    for name in NAMING[address]:
        words = refusal(api.get(path, asked | {name: "config.fats"}), name)
        assert "config.fats" in words
        assert "config.fast" in words
    if "neighbours" not in address:
        assert "no run of this session" in refusal(api.get(path, asked | {"min.config.fats": "1"}), "min.config.fats")
        assert "At character" in refusal(api.get(path, asked | {"where": "profit >"}), "where")
    assert_error(api.get(path.replace("BTC", "NONE"), asked), 404, "not_found")


@pytest.mark.parametrize(
    ("address", "name", "value", "words"),
    [
        ("histogram", "field", "", "Missing"), ("histogram", "field", "status", "a number in no run"),
        ("histogram", "bins", "501", "0 to 500"), ("quantiles", "at", "0.5,2", "from 0 to 1"),
        ("quantiles", "at", "x", "from 0 to 1"), ("density", "xBins", "151", "1 to 150"),
        ("density", "y", "", "Missing"),
        ("heatmap", "statistic", "mode", "median, max, mean, min, count"), ("heatmap", "metric", "status", "no run"),
        ("correlation", "fields", "", "Missing"), ("correlation", "fields", ",".join(map(str, range(31))), "30"),
        ("parallel", "top", "201", "200"), ("parallel", "best", "first", "highest, lowest"),
        ("importance", "metric", "config.kind", "a number in no run"), ("run-0/rank", "ordering", "nosuch", "nosuch"),
        ("run-0/percentiles", "fields", "note", "a number in no run"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_what_would(api, address, name, value, words):
    path = path_of("bots", *address.split("/"))
    assert words in refusal(api.get(path, ASKED[address] | {name: value}), name)


@pytest.mark.parametrize("analysis", ["percentiles", "neighbours", "rank"])
def test_a_run_that_there_is_not_is_not_found(api, analysis):
    for config_hash in ("nosuch", "\x00", "x" * 300, "a/b"):
        assert_error(api.get(path_of("bots", config_hash, analysis)), 404, "not_found")


def test_an_answer_has_an_etag_and_needs_a_login(api, client_of):
    path = path_of("bots", "fields")
    etag = api.get(path).headers["ETag"]
    assert api.get(path, headers={"If-None-Match": etag}).status_code == 304
    assert client_of("anonymous").get(path).status_code == 401


def test_a_field_that_is_a_number_in_some_runs_and_a_text_in_others(client_of, real_store):
    stops = [0.5, "off", True, 2, None, "off"]
    records = [
        {
            "configHash": f"run-{number}",
            "status": "completed",
            "resultsMetadata": {"performance": {"profit": number}},
            "configuration": {"stop loss": {"größe.x": stop}, "none": None},
        }
        for number, stop in enumerate(stops)
    ]
    BotRegistry().put_many(SessionId.parse(SID), [RunWrite.parse(one) for one in records])
    api, name = client_of("analyst"), "config.stop loss.größe.x"
    [field] = [one for one in ask(api, "fields")["fields"] if one["name"] == name]
    assert (field["kind"], field["count"], field["missing"], field["min"], field["max"]) == ("mixed", 5, 1, 0.5, 2)
    assert field["commonest"] == [{"value": "off", "count": 2}, {"value": "true", "count": 1}]
    across = ask(api, "heatmap", x=name, y="status", statistic="count")
    assert (across["x"]["labels"], across["values"]) == (["0.5", "2", "off", "true"], [[1, 1, 2, 1]])
    assert (ask(api, "histogram", field=name)["missing"], ask(api, "quantiles", field=name)["max"]) == (4, 2)
    found = ask(api, "run-1/neighbours")
    assert [one["configHash"] for one in found["neighbours"]] == ["run-0", "run-2", "run-3"]


@pytest.mark.parametrize(
    "module, limit",
    [(analysis_columns, "MOST_VALUES"), (chosen_columns, "FEW_VALUES"), (chosen_columns, "MOST_SORTED")],
)
def test_large_sessions_are_read_in_parts_and_many_texts_left_in_no_order(api, monkeypatch, module, limit):
    def answers() -> list[Any]:
        found = ask(api, "heatmap")
        by_kind = sorted(zip(found["y"]["labels"], found["values"], strict=True))
        return [by_kind, ask(api, "fields"), ask(api, "importance")["parameters"][0]]

    usual = answers()
    monkeypatch.setattr(analysis_fields, "_kept", Kept(5))
    monkeypatch.setattr(module, limit, 1)
    assert answers() == usual


def test_what_other_programs_wrote_and_no_index_has_is_said_to_lack(api):
    client().sadd(SessionKeys(SID).bots, "foreign")
    for address in ASKED:
        assert ask(api, address)["stale"] is True
    assert_error(api.get(path_of("bots", "foreign", "rank")), 503, "index_building")
    assert_error(api.get(path_of("bots", "nosuch", "rank")), 404, "not_found")


def test_an_empty_choice_has_figures_all_the_same(api):
    nothing = {"status": "nosuch"}
    assert ask(api, "histogram", **nothing)["counts"] == []
    assert ask(api, "quantiles", **nothing)["mean"] is None
    assert ask(api, "importance", **nothing)["parameters"] == []
    assert ask(api, "parallel", fields="config.fast", **nothing)["lines"] == []
    assert ask(api, "run-1/rank", **nothing) == {"rank": None, "count": 0, "percentile": None}
    assert {one["count"] for one in ask(api, "fields", **nothing)["fields"]} == {0}


def test_figures_of_fields_are_kept_until_a_run_is_written(api, sweep, monkeypatch):
    usual = [ask(api, "fields"), ask(api, "fields", status="failed")]
    with monkeypatch.context() as patched:
        patched.setattr(analysis_fields, "figures_of", None)
        assert [ask(api, "fields"), ask(api, "fields", status="failed")] == usual
    sweep[0]["configuration"]["fast"] = 99
    BotRegistry().put_many(SessionId.parse(SID), [RunWrite.parse(sweep[0])])
    for params in ({}, {"status": "failed"}):
        [fast] = [one for one in ask(api, "fields", **params)["fields"] if one["name"] == "config.fast"]
        assert fast["max"] == 99
