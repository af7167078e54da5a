"""Foreign writes and event streams of sessions on all servers of a cluster, and on those that take their place."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import redis

from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.errors import StoreUnavailable
from dashboard.store.hub import EventHub
from dashboard.store.topics import Gap, Subscription
from sessions_app.records import SessionId
from tests.cluster.servers import Cluster, Watched
from tests.cluster.sessions import one_on_each, session_on
from tests.contract.model import run
from tests.integration.following import FLAGS, Driven, Foreign


@pytest.fixture
def told(cluster: Cluster) -> Iterator[None]:
    """Every server tells of changes; none of them does afterwards."""
    for server in cluster.servers:
        server.client.config_set("notify-keyspace-events", FLAGS)
    yield
    for server in cluster.servers:
        if server.is_running:
            server.client.config_set("notify-keyspace-events", "")


@pytest.fixture
def driven() -> Iterator[Driven]:
    found = Driven()
    yield found
    found.leave()


def persevere(driven: Driven, condition: object) -> None:
    """Take turns as the command does, which outlasts what is away."""
    deadline = time.monotonic() + 30
    while True:
        try:
            driven.until(condition)  # type: ignore[arg-type]
            return
        except StoreUnavailable:
            assert time.monotonic() < deadline
            driven.follower._recover()
            time.sleep(0.1)


@pytest.mark.alone
def test_every_server_is_listened_to(cluster: Cluster, cluster_store: redis.Redis, told: None, driven: Driven) -> None:
    others = [Foreign(sid) for sid in one_on_each(cluster)]
    assert len(others) == 3
    driven.until(lambda: driven.follower.is_caught_up)
    assert driven.follower.hearing.mode == "notifications"
    for other in others:
        other.write("a", 1.0)
        other.write("b", None, "failed")
        began = time.monotonic()
        driven.until(lambda here=other: len(here.rows()) == 2)
        assert time.monotonic() - began < 1.5
    driven.settle()
    for other in others:
        assert other.drift() == []
        other.remove("a")
    driven.until(lambda: all(list(other.rows()) == ["b"] for other in others))


def test_one_silent_server_is_enough_to_poll(
    cluster: Cluster, cluster_store: redis.Redis, told: None, driven: Driven
) -> None:
    sids = one_on_each(cluster)
    driven.until(lambda: driven.follower.is_caught_up)
    cluster.masters()[1].client.config_set("notify-keyspace-events", "")
    driven.until(lambda: driven.follower.hearing.mode == "polling")
    assert "off" in driven.lines[-1]
    Foreign(sids[1]).write("a", 1.0)
    driven.until(lambda: Foreign(sids[1]).rows())
    cluster.masters()[1].client.config_set("notify-keyspace-events", FLAGS)
    driven.until(lambda: driven.follower.hearing.mode == "notifications")


def test_what_is_written_around_a_failover_is_filed(
    cluster: Cluster, cluster_store: redis.Redis, told: None, driven: Driven
) -> None:
    victim = cluster.masters()[0]
    here, there = Foreign(session_on(cluster, victim)), Foreign(session_on(cluster, cluster.masters()[1]))
    here.write("before", 1.0)
    driven.until(lambda: driven.follower.is_caught_up and here.rows())
    victim.kill()
    there.write("meanwhile", 1.0)
    wait_for_write(here, "after")
    persevere(driven, lambda: set(here.rows()) == {"before", "after"} and there.rows())
    persevere(driven, lambda: driven.follower.is_caught_up and driven.follower.hearing.mode == "notifications")
    here.write("long after", 2.0)
    persevere(driven, lambda: len(here.rows()) == 3)
    assert here.drift() == there.drift() == []


def wait_for_write(other: Foreign, config_hash: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            other.write(config_hash, 5.0)
            return
        except StoreUnavailable:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_streams_of_sessions_on_every_server_are_read_through_a_failover(
    cluster: Cluster, cluster_store: redis.Redis
) -> None:
    sids, hub = one_on_each(cluster), EventHub()
    for sid in sids:
        BotRegistry().put(SessionId.parse(sid), RunWrite.parse(run("first", 1.0)))
    subscriptions = {sid: hub.subscribe(sid, None) for sid in sids}
    try:
        for name in ("a", "b"):
            for sid in sids:
                write_again_and_again(sid, name)
            for subscription in subscriptions.values():
                assert b'"%b"' % name.encode() in heard(subscription)
            if name == "a":
                cluster.masters()[2].kill()
    finally:
        hub.close()


def write_again_and_again(sid: str, name: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            BotRegistry().put(SessionId.parse(sid), RunWrite.parse(run(name, 2.0)))
            return
        except StoreUnavailable:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def heard(subscription: Subscription) -> bytes:
    deadline = time.monotonic() + 20
    while True:
        found = subscription.read(1.0)
        if found:
            events = [event for event in found if not isinstance(event, Gap)]
            assert len(events) == len(found), found
            return b"".join(event.data for event in events)
        assert time.monotonic() < deadline


def test_a_follower_stays_with_the_group_that_sentinels_watch(
    watched: Watched, watched_store: redis.Redis, driven: Driven
) -> None:
    for server in watched.data:
        server.client.config_set("notify-keyspace-events", FLAGS)
    other = Foreign("A:1h:1:2")
    other.write("before", 1.0)
    driven.until(lambda: driven.follower.is_caught_up and other.rows())
    assert driven.follower.hearing.mode == "notifications"
    watched.master().kill()
    wait_for_write(other, "after")
    persevere(driven, lambda: set(other.rows()) == {"before", "after"})
    assert other.drift() == []
