"""Sessions of programs that know the six fixed keys alone: right at once, and mended by our first write."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import redis

from bots_app import deriving, registry, unindexed
from bots_app.check import check
from bots_app.performance import PerformanceRegistry
from bots_app.query import ORDERINGS, RunQuery
from bots_app.rebuild import rebuild
from bots_app.registry import BotRegistry
from bots_app.trades import TradeRegistry
from bots_app.writing import RunWrite
from dashboard.errors import IndexBuilding, RecordUnreadable, RunNotFound, SessionNotFound
from dashboard.store.client import KeyTypeError
from sessions_app.discovery import discover, list_session
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contract.model import SID, Model, profit_of, run, stored_sets, write_foreign
from tests.contract.test_aggregate import assert_agrees
from tests.contract.test_pages import RANGES, STATUSES, walk

sid = SessionId.parse(SID)
SUMMARY = f"bot_registry:session_current:{SID}"
BOTS = f"session:{SID}:bots"
runs = BotRegistry()


@pytest.fixture
def is_large(monkeypatch: pytest.MonkeyPatch) -> list[SessionId]:
    """Let every session count as too large to be indexed by a request; the builds asked for are noted, not begun."""
    asked: list[SessionId] = []
    monkeypatch.setattr(registry, "INLINE_RUNS", 20)
    monkeypatch.setattr(unindexed, "STEP", 7)
    monkeypatch.setattr(registry, "build_in_background", lambda which, **options: asked.append(which))
    return asked


def is_built(store: redis.Redis) -> bool:
    return bool(store.exists(f"session:{SID}:index:stats"))


@pytest.mark.parametrize("ordering", ORDERINGS)
@pytest.mark.parametrize("statuses", STATUSES, ids=lambda value: "+".join(value) or "all")
def test_the_first_list_asked_for_is_right(model: Model, statuses: tuple[str, ...], ordering: str) -> None:
    query = RunQuery(statuses, ordering=ordering)
    found = runs.page(sid, query, limit=500)
    assert (found.hashes, found.stale) == (model.ordered(query), False)


def test_every_other_first_question_is_answered_right(model: Model, real_store: redis.Redis) -> None:
    """Each on a session that nobody has asked for yet."""
    query, ranked = RunQuery(("failed",)), model.ordered(RunQuery(("failed",)))
    without = next(name for name in model.ordered(RunQuery()) if profit_of(model.records[name]) is None)
    questions = {
        "aggregate": lambda: PerformanceRegistry().aggregate(sid, RunQuery())["count"] == len(model.records),
        "aggregate of a status": lambda: PerformanceRegistry().aggregate(sid, query)["count"] == len(ranked),
        "counts": lambda: sum(runs.status_counts(sid).values()) == len(model.records),
        "rank": lambda: runs.rank(sid, ranked[2], query) == (3, len(ranked)),
        "rank without a profit": lambda: (
            runs.rank(sid, without) == (model.ordered(RunQuery()).index(without) + 1, len(model.records))
        ),
        "rank by time": lambda: runs.rank(sid, "run-20", RunQuery(ordering="lastUpdated"))
        == (model.ordered(RunQuery(ordering="lastUpdated")).index("run-20") + 1, len(model.records)),
        "one run": lambda: runs.get(sid, "run-20").whole == model.records["run-20"],
        "the session": lambda: SessionRegistry().get(sid).runCount == len(model.records),
    }  # fmt: skip
    for name, is_right in questions.items():
        real_store.delete("none", *real_store.scan_iter(f"session:{SID}:index:*"))
        assert not is_built(real_store)
        assert is_right(), name


@pytest.mark.parametrize("statuses", STATUSES, ids=lambda value: "+".join(value) or "all")
def test_a_large_session_is_read_right_before_its_indexes_are_built(
    model: Model, real_store: redis.Redis, is_large: list[SessionId], statuses: tuple[str, ...]
) -> None:
    for bounds in RANGES:
        for ordering in ORDERINGS[:2]:
            query = RunQuery(statuses, *bounds, ordering)
            wanted = model.ordered(query)
            pages = list(walk(query, 7))
            assert [name for found in pages for name in found.hashes] == wanted
            assert {found.count for found in pages} == {len(wanted)}
            for found in pages:
                assert [row["configHash"] for row in found.decoded()] == found.hashes
                assert all(row["status"] == model.records[row["configHash"]]["status"] for row in found.decoded())
            if len(pages) > 1:
                back = list(walk(query, 7, cursor=pages[-1].previous_cursor, backward=True))
                assert [found.hashes for found in back[::-1]] == [found.hashes for found in pages[:-1]]
    assert set(is_large) == {sid}
    assert not is_built(real_store)


def test_what_only_the_indexes_tell_has_to_wait_for_them(model: Model, is_large: list[SessionId]) -> None:
    def by_time() -> object:
        return runs.page(sid, RunQuery(ordering="lastUpdated"))

    def aggregate() -> object:
        return PerformanceRegistry().aggregate(sid, RunQuery())

    for question in (by_time, aggregate, lambda: runs.status_counts(sid)):
        with pytest.raises(IndexBuilding) as caught:
            question()
        assert caught.value.retry_after_s > 0 and "are being built" in str(caught.value)
    assert runs.get(sid, "run-20").configHash == "run-20"
    for query in (RunQuery(), RunQuery(("failed",)), RunQuery(("failed",), -10.0, 1e308)):
        ranked = model.ordered(query)
        for name in (ranked[0], ranked[4], ranked[-1]):
            assert runs.rank(sid, name, query) == (ranked.index(name) + 1, len(ranked))


def test_a_large_session_is_right_after_the_background_build(
    model: Model, real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "INLINE_RUNS", 20)
    monkeypatch.setattr(deriving, "STEP", 10)
    cursor = runs.page(sid, RunQuery(), limit=5).next_cursor
    deadline = time.monotonic() + 5
    while not real_store.hget(f"session:{SID}:index:stats", "built") and time.monotonic() < deadline:
        time.sleep(0.01)
    for ordering in ORDERINGS:
        found = runs.page(sid, RunQuery(ordering=ordering), limit=500)
        assert (found.hashes, found.stale) == (model.ordered(RunQuery(ordering=ordering)), False)
    assert runs.page(sid, RunQuery(), cursor=cursor, limit=5).hashes == model.ordered(RunQuery())[5:10]
    assert_agrees(PerformanceRegistry().aggregate(sid, RunQuery()), model.aggregate(RunQuery()))
    assert stored_sets() == model.sets()


@pytest.mark.parametrize("inline_runs", [1_000, 20])
def test_a_first_write_into_their_session_leaves_everything_right(
    model: Model, real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch, inline_runs: int
) -> None:
    summary = {"runCount": 3, "bestProfit": 9.0, "notes": "theirs", "active": True, "their": {"x": [1.10]}}
    real_store.set(SUMMARY, json.dumps(summary))
    monkeypatch.setattr(registry, "INLINE_RUNS", inline_runs)
    new = run("new", 2e15, "failed")
    runs.put(sid, RunWrite.parse(new))
    model.records["new"] = new
    deadline = time.monotonic() + 5
    while check(sid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert check(sid) == []
    assert stored_sets() == model.sets()
    stored = json.loads(real_store.get(SUMMARY))
    assert (stored["notes"], stored["active"], stored["their"]) == ("theirs", True, {"x": [1.1]})
    assert {name: stored[name] for name in model.summary()} == pytest.approx(model.summary())


def test_a_summary_is_shown_as_written_until_we_write(model: Model, real_store: redis.Redis) -> None:
    real_store.set(SUMMARY, json.dumps({"runCount": 3, "avgProfit": "1.5", "notes": "theirs", "their": 1}))
    runs.page(sid, RunQuery())
    for _ in range(2):
        summary = SessionRegistry().get(sid)
        assert (summary.runCount, summary.avgProfit, summary.notes, summary.extra) == (3, 1.5, "theirs", {"their": 1})
        assert SessionRegistry().all() == [summary]
    runs.put(sid, RunWrite.parse(run("new", 1.0)))
    summary = SessionRegistry().get(sid)
    assert (summary.runCount, summary.notes, summary.extra) == (len(model.records) + 1, "theirs", {"their": 1})


def test_a_session_without_a_summary_gets_one_from_its_indexes(model: Model, real_store: redis.Redis) -> None:
    summary, wanted = SessionRegistry().get(sid), model.summary()
    for name in ("runCount", "completedRuns", "errorCount", "bestProfit", "bestConfigHash"):
        assert getattr(summary, name) == wanted[name]
    assert not real_store.exists(SUMMARY)
    for text in (b"no JSON", b'"\xff"', b"[]"):
        real_store.set(SUMMARY, text)
        found = SessionRegistry().get(sid)
        assert found.unreadable and found.runCount == wanted["runCount"]
        list_session(str(sid))
        assert SessionRegistry().all() == [found]


def test_a_run_is_found_by_its_address_before_any_index_knows_it(real_store: redis.Redis) -> None:
    real_store.set(f"bot_registry:run:{SID}:alone", json.dumps(run("alone", 1.0)))
    assert runs.get(sid, "alone").profit == 1.0
    assert runs.raw(sid, "alone").startswith(b"{")
    with pytest.raises(RunNotFound):
        runs.get(sid, "none")
    with pytest.raises(SessionNotFound):
        runs.page(sid, RunQuery())


TEXTS: dict[str, tuple[bytes | None, str]] = {
    "gone": (None, "no record is stored under its key"),
    "garbled": (b"no JSON", "not JSON at character 0"),
    "bytes": (b'{"x":"\xff"}', "not UTF-8"),
    "array": (b"[1]", "not a JSON object"),
    "empty": (b"", "the text is empty"),
    "deep": (b"[" * 9_000, "nested too deep"),
}


@pytest.mark.parametrize("inline_runs", [1_000, 3])
def test_records_that_cannot_be_read_break_nothing(
    real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch, inline_runs: int
) -> None:
    monkeypatch.setattr(registry, "INLINE_RUNS", inline_runs)
    monkeypatch.setattr(registry, "build_in_background", lambda which, **options: None)
    records = [run("fine", 5.0), *(run(name, place, "failed") for place, name in enumerate(TEXTS))]
    records.append(run("list", 9.0, "failed"))
    write_foreign(SID, records)
    for name, (text, _) in TEXTS.items():
        real_store.delete(f"bot_registry:run:{SID}:{name}")
        if text is not None:
            real_store.set(f"bot_registry:run:{SID}:{name}", text)
    real_store.delete(f"bot_registry:run:{SID}:list")
    real_store.rpush(f"bot_registry:run:{SID}:list", "x")
    found = runs.page(sid, RunQuery())
    assert found.hashes == Model(records).ordered(RunQuery())
    rows = {row["configHash"]: row for row in found.decoded()}
    assert rows.pop("fine")["profit"] == 5.0
    assert rows.pop("list")["unreadable"] == "stored as a list, not as text"
    for name, (text, reason) in TEXTS.items():
        assert rows[name]["unreadable"].startswith(reason)
        assert (rows[name]["status"], rows[name]["profit"], rows[name]["sharpe"]) == ("failed", None, None)
        with pytest.raises(RecordUnreadable, match=reason):
            runs.get(sid, name)
        if text is not None:
            assert runs.raw(sid, name) == text
    fields = runs.rows(sid, found.hashes, ("sharpe", "config.fast"))
    assert [row["configHash"] for row in fields] == found.hashes
    assert sum("unreadable" in row for row in fields) == 7
    assert runs.page(sid, RunQuery(("failed",))).count == 7


def test_an_unreadable_run_is_overwritten_and_deleted_like_any_other(real_store: redis.Redis) -> None:
    write_foreign(SID, [run("a", 1.0), run("b", 2.0)])
    real_store.set(f"bot_registry:run:{SID}:a", "no JSON")
    real_store.delete(f"bot_registry:run:{SID}:b")
    runs.page(sid, RunQuery())
    assert runs.put(sid, RunWrite.parse(run("a", 3.0))).result == "updated"
    runs.delete(sid, "b")
    assert runs.page(sid, RunQuery()).hashes == ["a"]
    assert check(sid) == []
    with pytest.raises(RunNotFound):
        runs.delete(sid, "b")


@pytest.mark.parametrize("part", ["bots", "bots:profit", "bots:status:completed", "index:stats", "index:rows"])
def test_a_key_of_the_session_that_holds_another_type_is_told(real_store: redis.Redis, part: str) -> None:
    runs.put_many(sid, [RunWrite.parse(run(name, 1.0)) for name in "abc"])
    key = f"session:{SID}:{part}"
    real_store.delete(key)
    real_store.rpush(key, "x")
    before = real_store.get(f"bot_registry:run:{SID}:a"), stored_sets()
    questions: list[Any] = [
        lambda: runs.page(sid, RunQuery(("completed",))),
        lambda: PerformanceRegistry().aggregate(sid, RunQuery(("completed",))),
        lambda: runs.put(sid, RunWrite.parse(run("a", 2.0, "failed"))),
        lambda: runs.put_many(sid, [RunWrite.parse(run("d", 2.0)), RunWrite.parse(run("a", 2.0, "failed"))]),
        lambda: runs.delete(sid, "a"),
    ]
    for number, question in enumerate(questions):
        # An aggregate of a whole status has no need of the fixed set of that status.
        if (number, part) != (1, "bots:status:completed"):
            with pytest.raises(KeyTypeError, match="holds another type of value"):
                question()
    # What was refused has changed nothing, in no key.
    assert (real_store.get(f"bot_registry:run:{SID}:a"), stored_sets()) == before
    assert runs.get(sid, "a").profit == 1.0
    assert SessionRegistry().all()[0].sid == sid


def test_trades_of_another_type_are_overwritten(real_store: redis.Redis) -> None:
    write = RunWrite.parse(run("a", 1.0, trades=[{"profit": 1.0}]))
    runs.put(sid, write)
    real_store.delete(f"bot_registry:trades:{SID}:a")
    real_store.rpush(f"bot_registry:trades:{SID}:a", "x")
    with pytest.raises(RecordUnreadable, match="not stored as text"):
        TradeRegistry().all(sid, "a")
    others = [RunWrite.parse(run("b", 2.0)), write]
    assert [result.result for result in runs.put_many(sid, others)] == ["created", "updated"]
    assert len(TradeRegistry().all(sid, "a")) == 1
    assert check(sid) == []


def test_a_summary_of_another_type_is_shown_from_the_indexes_and_overwritten(real_store: redis.Redis) -> None:
    runs.put(sid, RunWrite.parse(run("a", 1.0)))
    real_store.delete(SUMMARY)
    real_store.rpush(SUMMARY, "x")
    summary = SessionRegistry().get(sid)
    assert summary.unreadable and summary.runCount == 1
    runs.put(sid, RunWrite.parse(run("b", 2.0)))
    assert SessionRegistry().get(sid).runCount == 2
    assert SessionRegistry().get(sid).unreadable is None
    real_store.delete(SUMMARY)
    real_store.rpush(SUMMARY, "x")
    assert SessionRegistry().annotate(sid, notes="mended").notes == "mended"


def test_trades_are_read_wherever_they_lie(real_store: redis.Redis) -> None:
    inside = run("inside", 1.0)
    inside["resultsMetadata"]["performance"]["trades"] = [{"profit": 1.0}, {"profit": 2.0}]
    write_foreign(SID, [inside, run("none"), run("own")])
    real_store.set(f"bot_registry:trades:{SID}:own", '[{"realizedPnl": NaN}, 5]')
    trades = TradeRegistry()
    assert [trade.profit for trade in trades.all(sid, "inside")] == [1.0, 2.0]
    assert trades.all(sid, "none") == []
    assert [trade.raw for trade in trades.all(sid, "own")] == [{"realizedPnl": None}, {"value": 5}]
    for text, reason in ((b"no JSON", "not JSON"), (b"{}", "no JSON array"), (b'"\xff"', "not UTF-8")):
        real_store.set(f"bot_registry:trades:{SID}:own", text)
        with pytest.raises(RecordUnreadable, match=reason):
            trades.all(sid, "own")
    with pytest.raises(RunNotFound):
        trades.all(sid, "nobody")


def listed() -> set[str]:
    return {str(summary.sid) for summary in SessionRegistry().all()}


def test_sessions_of_others_are_found(real_store: redis.Redis) -> None:
    names = ["BTC/USDT:USDT:1h:1:2", "größe:1h:1:2", "A:1h:1:2:1h:3:4"]
    write_foreign(names[0], [run("a", 1.0)])
    write_foreign(names[1], [run("a", 1.0)])
    real_store.set(f"bot_registry:session_current:{names[2]}", '{"lastUpdate": 1700000000}')
    for junk in ("session:x:bots", "session:A:1h:1:" + "9" * 30 + ":bots", "bot_registry:session_current:x"):
        real_store.sadd(junk, "x")
    real_store.sadd(b"session:\xff:1h:1:2:bots", "x")
    assert listed() == set(names)
    write_foreign("later:1h:1:2", [run("a", 1.0)])
    assert "later:1h:1:2" not in listed()
    assert "later:1h:1:2" in discover()
    assert "later:1h:1:2" in listed()
    # Once the mark has run out, the next list starts a search in the background.
    write_foreign("last:1h:1:2", [run("a", 1.0)])
    real_store.delete("bot_registry:sessions:discovered")
    deadline = time.monotonic() + 5
    while "last:1h:1:2" not in listed() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "last:1h:1:2" in listed()


@pytest.mark.parametrize("is_known", [False, True], ids=["never indexed", "indexed"])
def test_a_rebuild_keeps_an_average_that_is_right_as_that_of_all_runs(real_store: redis.Redis, is_known: bool) -> None:
    write_foreign(SID, [run("a", 1.0), run("b", 3.0), run("c", 8.0, "failed")])
    if is_known:
        runs.page(sid, RunQuery())
    for theirs, kept in ((4.0, 4.0), (4.5, 2.0)):
        real_store.set(SUMMARY, json.dumps({"avgProfit": theirs, "runCount": 3}))
        rebuild(sid)
        assert json.loads(real_store.get(SUMMARY) or b"")["avgProfit"] == kept
        assert check(sid) == []
