"""Servers of a test's own that fail on purpose, ways to them that do, and a session that another program wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from dashboard.store import client as clients
from dashboard.store.client import override
from tests.contract.model import SID, Model, write_foreign
from tests.contract.test_pages import nasty
from tests.integration.faulty import Proxy, Server, served


@pytest.fixture
def server(redis_binary: Path, tmp_path: Path, settings: object) -> Iterator[Server]:
    """A server with one run, and the client as a process of ours makes it."""
    with served(Server(redis_binary, tmp_path), settings) as running:
        yield running


@pytest.fixture
def proxy(server: Server, tmp_path: Path, settings: object) -> Iterator[Proxy]:
    """A way to the server that is sound until the test spoils it, and the client of a process of ours upon it."""
    proxy = Proxy(server, tmp_path / "proxy.sock")
    settings.REDIS_URL = proxy.url  # type: ignore[attr-defined]
    with override(clients._connect()):
        yield proxy
    proxy.close()


@pytest.fixture
def model(real_store: redis.Redis) -> Model:
    """The nasty session, written by another program."""
    records = nasty()
    write_foreign(SID, records)
    return Model(records)
