"""Between the server and us: connections cut in the midst of answers, slow ones, scripts that the server forgets."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator

import pytest

from bots_app import sending
from bots_app.check import check
from bots_app.query import RunQuery
from bots_app.rebuild import rebuild
from bots_app.reconcile import Outcome, Reconciler
from bots_app.writing import RunWrite
from dashboard.api import throttles
from dashboard.errors import StoreUnavailable, WritesInterrupted
from dashboard.store import client as clients
from dashboard.store.client import override
from dashboard.store.scripts import script
from dashboard.store.time_limit import time_limit
from dashboard.web import middleware
from tests.contract.model import SID, run, told
from tests.integration.faulty import CALLS, WRITES, Proxy, Server, runs, sid
from tests.integration.surface import PAGES, READS, Surface, assert_unavailable

#: Seconds to wait for an answer in these tests.
SHORT_S = 0.3


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch, proxy: Proxy) -> Iterator[Proxy]:
    """The way to the server, for a client that waits less than usual."""
    monkeypatch.setattr(clients, "ANSWER_TIMEOUT_S", SHORT_S)
    with override(clients._connect()):
        yield proxy
        proxy.delay_s = 0.0


def write_some(count: int = 60) -> None:
    runs.put_many(sid, [RunWrite.parse(run(f"run-{number:02}", float(number))) for number in range(count)])


def answer(call: str) -> object:
    """Return what a call answers, in a form that can be compared."""
    found = CALLS[call]()
    if call == "facts":
        return type(found)
    return found.body() if hasattr(found, "body") else found


def test_an_answer_that_is_cut_once_is_asked_for_again(proxy: Proxy) -> None:
    write_some()
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    # A check asks for many things before it has the first answer: it fails, and may be started again.
    for name in (name for name in CALLS if name not in (*WRITES, "check")):
        wanted = answer(name)
        for _ in range(5):
            proxy.left, proxy.cuts = chance.choice([0, 1, chance.randrange(100), chance.randrange(10_000)]), 1
            assert answer(name) == wanted, (name, seed)
    proxy.cuts = 0
    assert check(sid) == []


def test_a_write_whose_answer_is_cut_is_done_once_and_told(proxy: Proxy) -> None:
    for number in range(20):
        proxy.left, proxy.cuts = number % 5, 1
        [result] = runs.put_many(sid, [RunWrite.parse(run(f"cut-{number}", 1.0))])
        # The second attempt finds what the first one wrote.
        assert result.result in ("created", "unchanged")
    write = RunWrite.parse(run("cut-twice", 1.0))
    proxy.cuts = 0
    clients.client().ping()
    proxy.left, proxy.cuts = 0, 100
    with pytest.raises(WritesInterrupted, match="Whether cut-twice was written is not known") as caught:
        runs.put(sid, write)
    proxy.cuts = 0
    assert (caught.value.results, caught.value.in_doubt) == ([], ["cut-twice"])
    assert runs.put(sid, write).result == "unchanged"
    assert runs.page(sid, RunQuery()).count == 22
    assert check(sid) == []
    assert len(told(SID)) == 22, "a change was told twice"


@pytest.mark.django_db
def test_a_connection_that_is_always_cut_is_told(proxy: Proxy) -> None:
    surface = Surface()
    proxy.cuts = 1_000_000
    surface.assert_no_reads("the connection was closed")
    for name, response in surface.writes().items():
        assert_unavailable(response, name)
    proxy.cuts = 0
    throttles.forget()
    surface.assert_reads()
    surface.assert_writes()
    assert check(sid) == []


@pytest.mark.alone
@pytest.mark.django_db
def test_a_slow_network_is_borne(hurried: Proxy) -> None:
    hurried.delay_s = 0.01
    for name in (name for name in CALLS if name not in WRITES):
        CALLS[name]()
    Surface().assert_reads()


@pytest.mark.alone
@pytest.mark.django_db
def test_an_answer_that_trickles_in_is_given_up_in_time(hurried: Proxy) -> None:
    write_some()
    surface = Surface()
    hurried.piece, hurried.delay_s = 1, SHORT_S / 20
    for name in ("page", "run", "sessions", "aggregate"):
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            CALLS[name]()
        assert time.monotonic() - began < 3 * SHORT_S, name
    for address in (PAGES[1], READS[2]):
        began = time.monotonic()
        surface.assert_no_reads("it does not answer in time", addresses=(address,))
        assert time.monotonic() - began < 4 * SHORT_S, address


@pytest.mark.alone
@pytest.mark.django_db
def test_a_request_of_many_slow_calls_is_given_up_in_time(hurried: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    surface = Surface()
    monkeypatch.setattr(sending, "LARGE_RUNS", 1)
    hurried.delay_s = SHORT_S / 2
    monkeypatch.setattr(middleware, "REQUEST_LIMIT_S", 2 * SHORT_S)
    began = time.monotonic()
    surface.assert_no_reads("it does not answer in time", addresses=(PAGES[2],))
    assert time.monotonic() - began < 4 * SHORT_S
    began = time.monotonic()
    # No single call fails; a limit is one for all of them.
    with time_limit(SHORT_S), pytest.raises(StoreUnavailable):
        while True:
            CALLS["run"]()
    assert time.monotonic() - began < 3 * SHORT_S
    # Work in many steps has as long as it takes, as every step has its own limit.
    with time_limit(SHORT_S):
        assert len(runs.put_many(sid, [RunWrite.parse(run(f"{n}")) for n in range(6)])) == 6


def test_scripts_are_forgotten_between_and_within_calls(server: Server) -> None:
    write_some()
    is_over = threading.Event()

    def forget() -> None:
        with server.operator() as operator:
            while not is_over.is_set():
                operator.script_flush()

    forgetter = threading.Thread(target=forget)
    forgetter.start()
    try:
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline:
            for name in (name for name in CALLS if name not in WRITES):
                CALLS[name]()
            write_some(30)
            keys = [f"session:{SID}:bots", "b", "c", "d"]
            answers = script("look_up_runs").each([(keys[:1], [f"bot_registry:run:{SID}:", "", "x"])] * 20)
            assert answers == [[-1]] * 20
            clients.client().delete(f"bot_registry:run:{SID}:run-59")
            outcome = Outcome()
            Reconciler().reconcile({SID: ["run-59", "run-01"]}, outcome)
            assert (outcome.refused, outcome.compared, outcome.dropped) == ({}, 2, [(SID, "run-59")])
            runs.put(sid, RunWrite.parse(run("run-59", 59.0)))
            rebuild(sid)
    finally:
        is_over.set()
        forgetter.join()
    assert check(sid) == []
