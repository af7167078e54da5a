"""Lists: their shape, their pages, their links, their ETags."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from sessions_app.records import SUMMARY_FIELDS, SessionId
from sessions_app.registry import SessionRegistry
from tests.api.conftest import SID, body_of, path_of, record

ROW = {"configHash", "status", "profit", "botId", "lastUpdated"} | {
    "sharpe", "maxDrawdown", "winRate", "profitFactor", "numTrades",
}  # fmt: skip
BOTS = path_of("bots")


def links_of(response) -> dict[str, str]:
    """Return the addresses of the Link header, by relation, without the host."""
    found = re.findall(r'<([^>]+)>; rel="(\w+)"', response.headers.get("Link", ""))
    return {rel: "?".join(urlsplit(url)[2:4]) for url, rel in found}


def walk(api, path: str, rel: str = "next") -> list:
    """Return the bodies met by following the links of one relation."""
    response = api.get(path)
    bodies = [body_of(response)]
    while rel in links_of(response):
        response = api.get(links_of(response)[rel])
        bodies.append(body_of(response))
        assert len(bodies) < 100, "the links go in circles"
    return bodies


@pytest.fixture
def sessions(api) -> list[str]:
    """Seven more sessions: two symbols, a tie, one without a profit, one active with notes."""
    names = []
    for number in range(7):
        sid = SessionId.parse(f"{'ETHUSDT' if number % 2 else 'EUR.USD'}:4h:{number}:9")
        profit = {"resultsMetadata": {"performance": {"profit": min(number, 4)} if number else {}}}
        BotRegistry().put_many(sid, [RunWrite.parse(record(1) | profit)])
        names.append(str(sid))
    SessionRegistry().annotate(SessionId.parse(names[3]), notes="Looked AT twice", active=True)
    return names


def sid_of(summary: dict) -> str:
    return ":".join(str(summary[name]) for name in SUMMARY_FIELDS[:4])


def test_a_page_of_runs_has_the_contracts_shape(api):
    page = body_of(api.get(BOTS))
    assert page.keys() == {"bots", "nextCursor", "previousCursor", "count"}
    assert (page["count"], len(page["bots"]), page["nextCursor"], page["previousCursor"]) == (12, 12, None, None)
    assert all(row.keys() == ROW for row in page["bots"])
    assert page["bots"][0]["configHash"] == "run-011"


def test_runs_are_paged_by_link_and_by_cursor_alike(api):
    pages = walk(api, f"{BOTS}?limit=5")
    assert [len(page["bots"]) for page in pages] == [5, 5, 2]
    by_cursor = body_of(api.get(BOTS, {"limit": 5, "cursor": pages[0]["nextCursor"]}))
    assert by_cursor == pages[1]
    back = body_of(api.get(BOTS, {"limit": 5, "cursor": pages[1]["previousCursor"]}))
    assert back["bots"] == pages[0]["bots"]


def test_a_link_keeps_the_filters_and_encodes_the_session(api):
    response = api.get(BOTS, {"limit": 3, "status": ["completed", "failed"], "minProfit": "0"})
    link = links_of(response)["next"]
    assert link.startswith("/api/sessions/BTC%2FUSDT%3AUSDT%3A1h%3A1700000000000%3A1703600000000/bots?")
    assert "status=completed&status=failed" in link
    assert "http://testserver/api/" in response.headers["Link"]
    assert "prev" not in links_of(response)


@pytest.mark.parametrize("below", ["", "/bots", "/bots/aggregate", "/bots/run-001", "/bots/run-001/config"])
def test_a_session_id_works_raw_and_encoded(api, below):
    forms = (SID, SID.replace("/", "%2F"), SID.replace("/", "%2f").replace(":", "%3A"))
    first, *others = (body_of(api.get(f"/api/sessions/{form}{below}")) for form in forms)
    assert others == [first, first]


def test_other_fields_replace_the_usual_ones(api):
    page = body_of(api.get(BOTS, {"fields": "config.fast,sharpeRatio,notes,config.strategy.type", "limit": 2}))
    assert page["count"] == 12
    assert page["nextCursor"]
    picked = {"config.fast": 11, "sharpeRatio": 1.5, "notes": "", "config.strategy.type": "SmaCross"}
    assert page["bots"][0] == {"configHash": "run-011"} | picked


def test_trades_are_an_array_as_stored_with_the_common_fields(api, runs):
    path = path_of("bots", "run-000", "trades")
    found = body_of(api.get(path))
    assert len(found) == 25
    assert all(stored.items() <= shown.items() for stored, shown in zip(runs[0]["trades"], found, strict=True))
    assert (found[1]["index"], found[1]["side"], found[1]["profit"]) == (1, "long", 5.0)
    pages = walk(api, f"{path}?limit=10&ordering=-profit")
    assert [len(page) for page in pages] == [10, 10, 5]
    assert [trade["profit"] for page in pages for trade in page] == [5.0] * 12 + [-3.0] * 13


def test_sessions_are_an_array_of_whole_summaries(api, sessions):
    found = body_of(api.get("/api/sessions"))
    assert sorted(map(sid_of, found)) == sorted([SID, *sessions])
    assert all(set(SUMMARY_FIELDS) <= summary.keys() for summary in found)


@pytest.mark.parametrize("params, expected", [
    ({"symbol": "EUR.USD"}, [0, 2, 4, 6]),
    ({"symbol": "eur.usd"}, []),
    ({"timeframe": "4h"}, range(7)),
    ({"active": "true"}, [3]),
    ({"symbol": "ETHUSDT", "active": "false"}, [1, 5]),
    ({"search": "eth"}, [1, 3, 5]),
    ({"search": "looked at"}, [3]),
    ({"search": "nothing like it"}, []),
])  # fmt: skip
def test_filters_of_sessions_add_up(api, sessions, params, expected):
    found = {sid_of(summary) for summary in body_of(api.get("/api/sessions", params))}
    assert found == {sessions[number] for number in expected}


@pytest.mark.parametrize(
    "ordering", ["bestProfit", "-bestProfit", "symbol", "-symbol", "notes", "-active", "lastUpdate"]
)
def test_a_walk_through_sessions_meets_each_once_in_order(api, sessions, ordering):
    whole = [sid_of(one) for one in body_of(api.get("/api/sessions", {"ordering": ordering}))]
    pages = walk(api, f"/api/sessions?ordering={ordering}&limit=3")
    assert [len(page) for page in pages] == [3, 3, 2]
    assert [sid_of(one) for page in pages for one in page] == whole
    last = links_of(api.get(f"/api/sessions?ordering={ordering}&limit=3"))["next"]
    last = links_of(api.get(last))["next"]
    back = walk(api, links_of(api.get(last))["prev"], "prev")
    assert [sid_of(one) for page in back[::-1] for one in page] == whole[:6]


def test_sessions_without_the_value_come_last_both_ways(api, sessions):
    for ordering, expected in (("bestProfit", [1, 2, 3, 4, 4, 4]), ("-bestProfit", [4, 4, 4, 3, 2, 1])):
        found = body_of(api.get("/api/sessions", {"ordering": ordering, "timeframe": "4h"}))
        assert [summary["bestProfit"] for summary in found] == [*expected, None]


def test_ties_among_sessions_are_mirrored(api, sessions):
    there, back = (
        [sid_of(one) for one in body_of(api.get("/api/sessions", {"ordering": name, "timeframe": "4h"}))[:6]]
        for name in ("bestProfit", "-bestProfit")
    )
    assert there == back[::-1]


def test_a_session_cursor_outlives_its_session(api, sessions):
    first = api.get("/api/sessions?ordering=symbol&limit=3")
    whole = [sid_of(one) for one in body_of(api.get("/api/sessions?ordering=symbol"))]
    SessionRegistry().delete(SessionId.parse(whole[2]))
    rest = [sid_of(one) for page in walk(api, links_of(first)["next"]) for one in page]
    assert rest == whole[3:]


def test_sessions_in_the_order_of_long_notes_are_paged(api, sessions):
    for number, name in enumerate(sessions):
        SessionRegistry().annotate(SessionId.parse(name), notes="ü" * 5000 + str(number % 3))
    whole = [sid_of(one) for one in body_of(api.get("/api/sessions?ordering=notes"))]
    pages = walk(api, "/api/sessions?ordering=notes&limit=2")
    assert [sid_of(one) for page in pages for one in page] == whole
    assert len(whole) == 8


RUN = path_of("bots", "run-000")
READS = [
    "/api/sessions", path_of(), BOTS, f"{BOTS}?limit=3&fields=profit", path_of("bots", "aggregate"), RUN,
    f"{RUN}/trades", f"{RUN}/raw", f"{RUN}/equity", f"{RUN}/config",
]  # fmt: skip


@pytest.mark.parametrize("path", READS)
def test_an_unchanged_answer_is_not_sent_again(api, path):
    first = api.get(path)
    etag = first.headers["ETag"]
    assert re.fullmatch(r'"[0-9a-f]+"', etag)
    for header in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = api.get(path, headers={"If-None-Match": header})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    assert api.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/api/sessions", path_of(), BOTS, path_of("bots", "aggregate"), path_of("bots", "run-001")]
)
def test_a_change_makes_a_new_etag(api, path):
    before = api.get(path).headers["ETag"]
    changed = record(
        1, status="failed", lastUpdated=1_800_000_000_000, resultsMetadata={"performance": {"profit": 1e6}}
    )
    assert api.put(path_of("bots", "run-001"), changed, format="json").status_code == 200
    assert api.get(path, headers={"If-None-Match": before}).status_code == 200


def test_answers_are_for_one_client_and_checked_each_time(api):
    assert api.get(BOTS).headers["Cache-Control"] == "private, no-cache"


def test_statuses_can_be_left_out(api):
    whole = body_of(api.get(f"{BOTS}?limit=500"))["bots"]
    assert len({row["status"] for row in whole}) > 1
    left_out = whole[0]["status"]
    others = [row for row in whole if row["status"] != left_out]
    for params in (f"status=!{left_out}", f"status=%21{left_out}&status=!nothing", f"status=!{left_out},!nothing"):
        answer = body_of(api.get(f"{BOTS}?limit=500&{params}"))
        assert (answer["bots"], answer["count"]) == (others, len(others))
        aggregate = body_of(api.get(f"{BOTS}/aggregate?{params}"))
        assert aggregate["count"] == len(others) and left_out not in aggregate["countByStatus"]
    pages = walk(api, f"{BOTS}?limit=2&status=!{left_out}")
    assert [row for page in pages for row in page["bots"]] == others


@pytest.mark.parametrize("params", ["status=!", "status=completed,!failed", "status=completed&status=!failed"])
def test_statuses_left_out_are_not_mixed_with_others(api, params):
    for path in (BOTS, f"{BOTS}/aggregate"):
        response = api.get(f"{path}?{params}")
        assert response.status_code == 400
        assert "!" in str(body_of(response)["status"])


def test_an_aggregate_takes_the_same_filters(api):
    whole = body_of(api.get(path_of("bots", "aggregate")))
    assert (whole["count"], whole["countByStatus"]) == (12, {"completed": 8, "failed": 4})
    assert (whole["bestConfigHash"], whole["worstConfigHash"]) == ("run-011", "run-001")
    part = body_of(api.get(path_of("bots", "aggregate"), {"minProfit": "50", "status": "completed"}))
    assert (part["count"], part["worstConfigHash"]) == (5, "run-005")


def test_a_page_of_runs_costs_one_round_trip_for_the_data(api, redis_calls):
    api.get(BOTS)
    assert redis_calls.of(lambda: api.get(f"{BOTS}?limit=10&status=completed&minProfit=0")) == 1
