"""Answers of the analysis stay below 256 KiB, whatever a session holds: many columns, long names, long texts."""

from __future__ import annotations

from typing import Any

import pytest

from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from sessions_app.records import SessionId
from tests.api.conftest import SID, body_of, path_of

RUNS, PARAMETERS = 240, 560
MOST = 256 * 1024
#: Letters that JSON writes as six bytes each.
LONG = "\x01" * 180


def name(number: int) -> str:
    return f"{LONG}{number:03}"


def value(run: int, number: int) -> Any:
    """Return numbers with all their digits, and in every fourth parameter long texts, different in each run."""
    return (f"{run:03}" + "\x02" * 190) if number % 4 == 0 else -((run * 7919 + number) % 1009 + 1) / 3e7 / (run + 1)


@pytest.fixture
def wide(real_store: Any) -> None:
    """240 runs with more parameters than there are columns, under the longest names."""
    records = [
        {
            "configHash": f"run-{run:03}-{'h' * 150}",
            "status": f"status {run}",
            "resultsMetadata": {"performance": {"profit": run / 7}},
            "configuration": {name(number): value(run, number) for number in range(PARAMETERS)},
        }
        for run in range(RUNS)
    ]
    BotRegistry().put_many(SessionId.parse(SID), [RunWrite.parse(one) for one in records])


def test_no_answer_is_larger_than_256_kib(client_of, wide):
    api = client_of("analyst")

    def ask(address: str, **params: str) -> Any:
        response = api.get(path_of("bots", *address.split("/")), params)
        assert response.status_code == 200, (address, response.content[:500])
        assert len(response.content) <= MOST, (address, len(response.content))
        return body_of(response)

    fields = ask("fields")
    assert fields["detail"] == "least"
    assert len(fields["fields"]) + fields["leftOut"] + fields["omittedCount"] >= PARAMETERS
    assert len(fields["fields"]) + fields["leftOut"] <= 500
    assert 0 < len(fields["omitted"]) < fields["omittedCount"]
    columns = [one["name"] for one in fields["fields"] if one["name"].startswith("config.")]
    texts = [one["name"] for one in fields["fields"] if one["kind"] == "text" and one["name"] in columns]
    numbers = [one for one in columns if one not in texts]
    assert len(ask("fields", fields=",".join(numbers[:20]))["fields"]) == 20
    ask("histogram", field=numbers[0], bins="500")
    ask("quantiles", field=numbers[0], at=",".join(f"{part / 100}" for part in range(101)))
    ask("density", x=numbers[0], y=numbers[1], xBins="150", yBins="150")
    for x, y in ((texts[0], texts[1]), (texts[0], numbers[0]), (numbers[0], numbers[1])):
        ask("heatmap", x=x, y=y, metric=numbers[2])
    lines = ask("parallel", fields=",".join(texts[:8] + numbers[:7]), top="200")
    assert len(lines["lines"]) == len(lines["hashes"]) == 200
    ask("parallel", fields=",".join(texts[:15]), top="200")
    ask("parallel", top="200")
    ask("importance", fields=",".join(columns[:64]))
    ask("correlation", fields=",".join(numbers[:30]))
    run = f"run-000-{'h' * 150}"
    ask(f"{run}/percentiles", fields=",".join(numbers[:64]))
    ask(f"{run}/neighbours", fields=",".join(columns[:64]))
    ask(f"{run}/rank", ordering=f"-{numbers[0]}")
    refused = api.get(path_of("bots", "importance"))
    assert refused.status_code == 400
    assert "name at most 64" in body_of(refused)["fields"][0]


def test_neighbours_are_as_many_as_there_is_room_for(client_of, real_store):
    records = [
        {
            "configHash": f"run-{run:03}-{'h' * 150}",
            "status": "completed",
            "resultsMetadata": {"performance": {"profit": run}},
            "configuration": {name(0): run % 2},
        }
        for run in range(800)
    ]
    BotRegistry().put_many(SessionId.parse(SID), [RunWrite.parse(one) for one in records])
    response = client_of("analyst").get(path_of("bots", f"run-000-{'h' * 150}", "neighbours"))
    answer = body_of(response)
    assert len(response.content) <= MOST
    assert answer["count"] == answer["known"] == 400
    assert 100 < len(answer["neighbours"]) < 400
    assert answer["plateau"] == 400
