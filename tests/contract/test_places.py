"""A run that has gone is found again by its place, whatever the cursor guesses of it."""

from __future__ import annotations

import pytest
import redis

from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store.keys import SessionKeys
from dashboard.store.pages import RANKED, UNRANKED, Position, RankedList
from sessions_app.records import SessionId
from tests.contract.model import SID, run

sid = SessionId.parse(SID)
keys = SessionKeys(SID)
#: Ranked runs, most of them in one tie, and runs without a profit.
TIED, ABOVE, WITHOUT = 40, 7, 25
GUESSES = [None, *range(-3, 80), 10**9]


@pytest.fixture
def tied(store: redis.Redis) -> redis.Redis:
    profits = [2.0] * TIED + [3.0] * ABOVE + [None] * WITHOUT
    # Hashes are spread unevenly: what stands where must not depend on that.
    hashes = [f"{index**2:06d}" for index in range(len(profits))]
    BotRegistry().put_many(sid, [RunWrite.parse(run(*pair)) for pair in zip(hashes, profits, strict=True)])
    return store


@pytest.mark.parametrize("is_backward", [False, True])
@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize("member", [b"", b"000399", b"000400x", b"9", b"002110"])
@pytest.mark.parametrize("score", ["2.0", "3.0", "2.5", ""])
def test_any_guess_leads_to_the_same_page(
    tied: redis.Redis, score: str, member: bytes, *, is_descending: bool, is_backward: bool
) -> None:
    ranked = RankedList(keys, RunQuery().sources(keys), descending=is_descending)
    at = RANKED if score else UNRANKED
    pages = [ranked.read(Position(at, score, member, is_backward, guess), 5) for guess in GUESSES]
    assert pages[0] is not None
    assert all(page == pages[0] for page in pages)


def test_a_right_guess_takes_few_steps_however_long_the_tie_is(real_store: redis.Redis) -> None:
    registry = BotRegistry()
    registry.put_many(sid, [RunWrite.parse(run(f"{index:06d}", 1.0)) for index in range(3000)])
    page = registry.page(sid, RunQuery(), limit=50)
    registry.delete(sid, page.hashes[-1])
    real_store.config_resetstat()
    following = registry.page(sid, RunQuery(), cursor=page.next_cursor, limit=50)
    assert following.hashes[0] == f"{2949:06d}"
    assert real_store.info("commandstats")["cmdstat_zrange"]["calls"] <= 3
