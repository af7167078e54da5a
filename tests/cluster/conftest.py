"""The store on a real cluster and on what sentinels watch; each group of servers is started once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from dashboard.store import client as clients
from tests.cluster.servers import SENTINEL_PASSWORD, SERVICE, Cluster, Group, Watched
from tests.conftest import emptied
from tests.contract import test_session_list, test_state


@contextmanager
def started(kind: type[Group], *arguments: Any) -> Iterator[Any]:
    folder = Path(tempfile.mkdtemp(prefix="dashboard-group-"))
    group = None
    try:
        group = kind(*arguments, folder)
        yield group
    finally:
        if group is not None:
            group.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def cluster(redis_binary: Path) -> Iterator[Cluster]:
    """Three masters with a replica each."""
    with started(Cluster, redis_binary) as group:
        yield group


@pytest.fixture(scope="session")
def watched(redis_binary: Path) -> Iterator[Watched]:
    """A master with two replicas, watched by three sentinels."""
    with started(Watched, redis_binary) as group:
        yield group


@pytest.fixture
def cluster_store(cluster: Cluster, settings: Any) -> Iterator[redis.Redis]:
    """The process-wide client, on an empty and whole cluster."""
    cluster.mend()
    settings.REDIS_URL, settings.REDIS_CLUSTER = cluster.url, True
    with emptied(clients._connect()) as client:
        yield client


@pytest.fixture
def watched_store(watched: Watched, settings: Any) -> Iterator[redis.Redis]:
    """The process-wide client, on an empty and whole group that sentinels watch."""
    watched.mend()
    settings.REDIS_URL, settings.REDIS_SENTINELS = watched.url, (tuple(watched.addresses), SERVICE)
    settings.REDIS_SENTINEL_PASSWORD = SENTINEL_PASSWORD
    with emptied(clients._connect()) as client:
        yield client


@pytest.fixture(params=["cluster", "watched"])
def store(request: pytest.FixtureRequest) -> redis.Redis:
    """The process-wide client on each kind of group, in place of the servers that the contract suite runs on."""
    found: redis.Redis = request.getfixturevalue(f"{request.param}_store")
    return found


@pytest.fixture(autouse=True)
def _few_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sequences of writes are looked for on one server; here a few show that groups do the same."""
    for module in (test_state, test_session_list):
        monkeypatch.setattr(module, "EXAMPLES", min(module.EXAMPLES, 6))
