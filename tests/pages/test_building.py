"""The page of a session while its indexes are made, its notice of fields without a column, and its example."""

from __future__ import annotations

import re

import pytest

from bots_app import choosing, deriving, registry, sweep
from bots_app import where_example as examples
from bots_app.deriving import build
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store.keys import SessionKeys
from dashboard.store.lease import BuilderLease
from sessions_app.records import SessionId
from tests.contract.model import run, write_foreign
from tests.pages import data
from tests.pages.test_session import hashes

SID = f"BTCUSDT:1h:{data.START_MS}:{data.END_MS}"
URL = f"/sessions/{SID}/"
sid = SessionId.parse(SID)
POLL = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "building"}


@pytest.fixture
def large(real_store, monkeypatch):
    """A session of another program's that counts as large; nobody builds its indexes as yet."""
    for module, name in ((registry, "INLINE_RUNS"), (sweep, "INLINE_TABLE_RUNS")):
        monkeypatch.setattr(module, name, 20)
    for module in (registry, sweep, deriving):
        monkeypatch.setattr(module, "build_in_background", lambda which, **options: None)
    write_foreign(SID, [run(f"run-{n}", float(n), configuration={"deep": {"fast": n % 5}}) for n in range(60)])
    return real_store


@pytest.mark.parametrize(
    "asked", ["ordering=-config.deep.fast", "where=config.deep.fast+%3E+1", "ordering=lastUpdated"]
)
def test_it_says_how_far_the_indexes_are_and_asks_by_itself(page, large, asked):
    builder = BuilderLease(SessionKeys(SID).index("builder"))
    builder.say(37, of=100)
    builder.hold()
    response = page.get(f"{URL}?{asked}")
    text = response.content.decode()
    assert response.status_code == 200
    assert "are being built: 37 %." in text and "shown here as soon as they are there" in text
    assert 'id="building"' in text and 'hx-trigger="load delay:2s"' in text and '<meta http-equiv="refresh"' in text
    assert "was not understood" not in text
    builder.say(90, of=100)
    builder.hold()
    notice = page.get(f"{URL}?{asked}", **POLL)
    assert "being built: 90 %." in notice.content.decode() and "<html" not in notice.content.decode()
    assert notice["Cache-Control"] == "no-store"
    builder.release()
    build(sid)
    done = page.get(f"{URL}?{asked}", **POLL)
    assert (done.status_code, done["HX-Refresh"]) == (204, "true")
    assert len(hashes(page.get(f"{URL}?{asked}"))) > 30


def test_the_plain_list_is_there_meanwhile(page, large):
    response = page.get(f"{URL}?minProfit=10&status=completed")
    assert hashes(response) == [f"run-{n}" for n in range(59, 9, -1)]
    assert "listed by profit already" in response.content.decode()
    assert "listed by profit already" in page.get(URL, **POLL).content.decode()


def test_who_asks_again_has_them_built_should_the_builder_have_ended(page, large, monkeypatch):
    asked = []
    monkeypatch.setattr(deriving, "build_in_background", asked.append)
    page.get(URL, **POLL)
    assert asked == [sid]
    large.flushall()
    assert page.get(URL, **POLL)["HX-Refresh"] == "true"


def put(*records):
    BotRegistry().put_many(sid, [RunWrite.parse(record) for record in records])


def test_it_says_how_many_fields_have_no_column_and_whether_these_are_the_rarest(page, real_store, monkeypatch):
    monkeypatch.setattr(choosing, "_choose_in_background", lambda which: None)
    put(run("a", 1.0, configuration={f"p{n}": n for n in range(600)}))
    text = page.get(URL).content.decode()
    assert re.search(r"<b>12\d fields of these runs cannot be filtered", text) and "being chosen anew" in text
    assert choosing.choose(sid)
    text = page.get(URL).content.decode()
    assert re.search(r"<b>12\d fields of these runs cannot be filtered", text) and "being chosen anew" not in text


EXAMPLES = [
    ([{"deep": {"fast": n % 3}} for n in range(9)], {"sharpe": 1}, "sharpe > 1 and config.deep.fast in (1, 2)"),
    ([{"mode": "long"}], {"ownMetric": 1}, "ownMetric > 0 and not (config.mode is missing)"),
    ([{"a,b": n} for n in range(2)], {"maxDrawdown": 0.1}, "maxDrawdown < 0.3 and config.`a,b` in (0, 1)"),
    ([{}], {"sharpe": 1}, "sharpe > 1 and status = 'completed'"),
]


@pytest.mark.parametrize(
    "configurations, performance, example", EXAMPLES, ids=["numbers", "texts", "odd names", "no parameters"]
)
def test_the_example_is_made_of_the_fields_that_there_are(page, real_store, configurations, performance, example):
    examples._kept.clear()
    results = {"performance": {"totalProfit": 1.0, **performance}}
    put(*(run(f"run-{n}", configuration=one, resultsMetadata=results) for n, one in enumerate(configurations)))
    text = page.get(URL).content.decode()
    shown = re.search(r'placeholder="([^"]*)"[^>]*data-where', text)[1]
    shown = shown.replace("&gt;", ">").replace("&lt;", "<").replace("&#x27;", "'")
    assert shown == example.replace("config.`a,b`", "`config.a,b`")
    assert page.get(URL, {"where": shown}).status_code == 200
