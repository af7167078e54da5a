"""The demo's sessions in a real store: loaded once, completed when stopped, and kept moving when asked to."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import StringIO
from itertools import count

import pytest
from django.conf import settings
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from bots_app.demo import live as live_module
from bots_app.demo import load as load_module
from bots_app.demo import prices
from bots_app.demo.live import LiveSweep, keep_sweeping, new_configs
from bots_app.demo.load import hashes_of, load, missing, sid_of
from bots_app.demo.sweep import PLANS
from bots_app.demo.user import demo_user
from bots_app.helpers import HelperEnded
from bots_app.management.commands import demo as command_module
from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.trades import TradeRegistry
from dashboard.errors import StoreUnavailable
from dashboard.stopping import SIGNALS
from sessions_app.registry import SessionRegistry
from tests.contents import contents_of

#: Every so many configurations of a plan are run here; the first is a sound one, the last of each grid too.
THINNED = {"backtesting": 50, "forex": 90, "shares-older": 40, "shares-newer": 40}


@pytest.fixture
def thinned(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Make the plans small; return how many runs each has."""
    for name, every in THINNED.items():
        configs = PLANS[name].configs()[::every]
        monkeypatch.setitem(PLANS, name, dataclasses.replace(PLANS[name], configs=partial(list, configs)))
    return {name: len(plan.configs()) for name, plan in PLANS.items()}


def everything(store) -> dict[bytes, object]:
    return {key: held for key, held in contents_of(store).items() if not key.startswith(b"dashboard_cache")}


def test_every_session_is_loaded_with_its_runs_and_says_what_it_is(real_store, thinned):
    counts = load(processes=1)
    assert counts == {"created": sum(thinned.values()), "present": 0}
    sessions = {str(session.sid): session for session in SessionRegistry().all()}
    assert len(sessions) == len(PLANS)
    for name, plan in PLANS.items():
        session = sessions[str(sid_of(plan))]
        assert session.runCount == thinned[name]
        assert session.notes == plan.notes


def test_runs_have_trades_that_sum_up_to_their_profit_and_failures_have_reasons(real_store, thinned):
    load(processes=1)
    for name in ("forex", "backtesting"):
        sid = sid_of(PLANS[name])
        statuses = BotRegistry().status_counts(sid)
        assert statuses["completed"] > 0
        assert statuses["failed"] > 0
        for run_hash in BotRegistry().page(sid, RunQuery(statuses=("completed",)), limit=20).hashes:
            run = BotRegistry().get(sid, run_hash)
            trades = TradeRegistry().all(sid, run_hash)
            assert len(trades) == run.metrics["numTrades"]
            assert sum(trade.profit for trade in trades) == pytest.approx(run.profit)
        for run_hash in BotRegistry().page(sid, RunQuery(statuses=("failed",)), limit=20).hashes:
            assert BotRegistry().get(sid, run_hash).to_dict()["resultsMetadata"]["error"]


def test_loading_again_changes_nothing(real_store, thinned):
    load(processes=1)
    before = everything(real_store)
    assert load(processes=1) == {"present": sum(thinned.values())}
    assert everything(real_store) == before


def test_a_load_that_was_stopped_is_completed(real_store, thinned, monkeypatch):
    seen = count()

    def stop_early(number: int) -> None:
        if next(seen) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(load_module, "DEFAULT_CHUNK", 20)
    with pytest.raises(KeyboardInterrupt):
        load(processes=1, advance=stop_early)
    counts = load(processes=1)
    assert 0 < counts["created"] < sum(thinned.values())
    assert counts["created"] + counts["present"] == sum(thinned.values())


def test_notes_and_results_of_others_are_left_alone(real_store, thinned):
    load(("forex",), processes=1)
    sid = sid_of(PLANS["forex"])
    SessionRegistry().annotate(sid, notes="mine")
    gone = BotRegistry().page(sid, RunQuery(), limit=1).hashes[0]
    BotRegistry().delete(sid, gone)
    assert load(("forex",), processes=1)["created"] == 1
    assert SessionRegistry().get(sid).notes == "mine"


def test_several_processes_write_what_one_would(real_store):
    plan = PLANS["shares-newer"]
    assert load(("shares-newer",), processes=2)["created"] == len(plan.configs())
    assert not missing(plan, hashes_of(BotRegistry(), sid_of(plan)))


def test_a_process_that_is_killed_in_the_midst_of_a_load_is_told_of(real_store):
    with pytest.raises(HelperEnded, match="ended before its time"):
        load(("shares-newer",), processes=2, advance=lambda count: multiprocessing.active_children()[0].kill())
    assert not multiprocessing.active_children()


@pytest.fixture
def running(real_store, thinned, monkeypatch) -> Callable[[], LiveSweep]:
    """A loaded session of which a live sweep finds little under way."""
    load(("forex",), processes=1)
    monkeypatch.setattr(live_module, "UNDER_WAY", 3)
    return lambda: LiveSweep(PLANS["forex"], configs=new_configs(seed=5))


def test_a_live_sweep_completes_runs_and_starts_new_ones(running):
    sweep = running()
    before = BotRegistry().status_counts(sweep.sid)
    for _ in range(10):
        sweep.step()
    after = BotRegistry().status_counts(sweep.sid)
    assert sum(after.values()) == sum(before.values()) + 10
    assert after["completed"] >= before["completed"] + 6
    newest = BotRegistry().page(sweep.sid, RunQuery(ordering="-lastUpdated"), limit=1).hashes[0]
    assert newest in sweep.known


def test_a_live_sweep_that_is_started_again_goes_on_where_it_was(running):
    first = running()
    for _ in range(5):
        first.step()
    again = running()
    assert set(again.under_way) == set(first.under_way)
    total = sum(BotRegistry().status_counts(first.sid).values())
    again.step()
    assert sum(BotRegistry().status_counts(first.sid).values()) == total + 1, "the same run was started again"


def test_a_live_sweep_passes_over_runs_that_are_gone(running):
    sweep = running()
    for _ in range(4):
        sweep.step()
    BotRegistry().delete(sweep.sid, sweep.under_way[0])
    sweep.step()


def test_the_session_is_active_while_the_sweep_keeps_running(running, monkeypatch):
    sid, seen = sid_of(PLANS["forex"]), []

    def is_wanted() -> bool:
        seen.append(SessionRegistry().get(sid).active)
        return len(seen) < 4

    monkeypatch.setattr(live_module, "LiveSweep", running)
    keep_sweeping(is_wanted, wait=lambda seconds: None)
    assert seen[1:] == [True, True, True]
    assert SessionRegistry().get(sid).active is False


def test_a_live_sweep_waits_for_a_store_that_is_away(real_store, monkeypatch):
    tries, naps = [], []

    class Away:
        def __init__(self) -> None:
            tries.append(1)
            raise StoreUnavailable(retry_after_s=7)

    monkeypatch.setattr(live_module, "LiveSweep", Away)
    keep_sweeping(lambda: len(tries) < 3, wait=naps.append)
    assert len(tries) == 3
    assert 7 in naps


def test_the_user_of_the_demo_can_log_in_with_the_password_kept(db, tmp_path):
    name, password = demo_user(tmp_path)
    assert demo_user(tmp_path) == (name, password)
    user = authenticate(username=name, password=password)
    assert {group.name for group in user.groups.all()} == {"Operators", "Writers"}
    assert not user.is_superuser
    assert stat.S_IMODE(os.stat(tmp_path / "demo_password").st_mode) == 0o600  # noqa: PTH116
    user.is_active = False
    user.set_password("something else")
    user.save()
    assert authenticate(username=demo_user(tmp_path)[0], password=password)


def test_the_command_loads_and_tells_how_much(real_store, db, thinned, monkeypatch):
    monkeypatch.setattr(command_module, "load", partial(load, processes=1))
    out = StringIO()
    call_command("demo", "--no-serve", stdout=out)
    assert f"{sum(thinned.values()):,} backtests run in" in out.getvalue()
    out = StringIO()
    call_command("demo", "--no-serve", stdout=out)
    assert out.getvalue().strip() == f"{sum(thinned.values()):,} backtests are there already."


@pytest.mark.parametrize(("arguments", "live"), [((), ""), (("--live",), ""), ((), "1")])
def test_the_command_serves_what_it_loaded_and_tells_the_password(
    real_store, db, thinned, monkeypatch, arguments, live
):
    steps = []
    for name in ("check_port", "prepare", "serve"):
        monkeypatch.setattr(command_module, name, lambda *given, name=name: steps.append(name))

    @contextmanager
    def sweeping(self: object, *, is_wanted: bool) -> Iterator[None]:
        steps.extend(["sweep"] * is_wanted)
        yield

    monkeypatch.setattr(command_module.Command, "_sweeping", sweeping)
    monkeypatch.setattr(command_module, "load", partial(load, ("shares-older",), processes=1))
    monkeypatch.setenv("LIVE", live)
    out = StringIO()
    call_command("demo", *arguments, stdout=out)
    assert steps == ["check_port", "prepare", *(["sweep"] if live or arguments else []), "serve"]
    password = (settings.VAR_DIR / "demo_password").read_text().strip()
    assert f"Log in as demo with the password {password}" in out.getvalue()


@pytest.fixture
def handlers() -> Iterator[None]:
    """Hear every signal in the test, also under `nohup`, and have the handlers after it that there were before."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_told_to_end_the_command_ends_in_order_and_says_how_to_go_on(
    real_store, db, thinned, monkeypatch, handlers, number
):
    def be_told(*, advance: Callable[[int], None], is_wanted: Callable[[], bool], **options: Callable) -> None:
        advance(5)
        assert is_wanted()
        signal.raise_signal(number)
        signal.raise_signal(signal.SIGTERM)
        assert not is_wanted()

    monkeypatch.setattr(command_module, "load", be_told)
    told = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("demo", "--no-serve", stdout=StringIO(), stderr=told)
    assert ended.value.code == 128 + number
    assert "Stopped after 5 runs" in told.getvalue()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN, "the next one would spoil the exit code"


def test_a_load_that_is_not_wanted_any_more_keeps_what_it_has(real_store, thinned):
    seen: list[int] = []
    counts = load(processes=1, advance=seen.append, is_wanted=lambda: len(seen) < 2)
    assert len(seen) == 2
    assert counts["created"] == sum(seen)


def test_without_its_prices_the_command_says_what_to_install(real_store, db, monkeypatch):
    for source in (prices.goog, prices.eurusd):
        source.cache_clear()
    monkeypatch.setattr(prices, "find_spec", lambda name: None)
    with pytest.raises(CommandError, match="make install"):
        call_command("demo", "--no-serve", stdout=StringIO())
