"""Loaded into the pytest of the suite, and nowhere else: lets its foreign program and its servers speak to a group.

On a cluster a foreign program has to route its commands and to write the session's id in braces; the suite's own client
is given both. A service of a test's own is told of the sentinels of its own server.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

import redis
from redis.cluster import ClusterPipeline, RedisCluster

#: A fixed key: what comes before the session's id, the id, and what follows.
_KEY = re.compile(
    r"(bot_registry:session_current:)([^{].*)()$"
    r"|(bot_registry:(?:run|trades):)([^{].*:[^:]+:-?\d+:-?\d+)(:.*)$"
    r"|(session:)([^{].*?:[^:]+:-?\d+:-?\d+)(:bots(?::.*)?)$",
    re.DOTALL,
)
LIMIT_S = 30


def tagged(word: Any) -> Any:
    """Return a word of a command, a fixed key with the session's id in braces."""
    match = _KEY.match(word) if isinstance(word, str) else None
    if match is None:
        return word
    before, sid, after = (part for part in match.groups() if part is not None)
    return f"{before}{{{sid}}}{after}"


class TaggedPipeline(ClusterPipeline):
    """A pipeline whose keys have braces."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        return super().execute_command(args[0], *map(tagged, args[1:]), **options)


class TaggedCluster(RedisCluster):
    """A client whose keys have braces; values of commands never look like a fixed key."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        return super().execute_command(args[0], *map(tagged, args[1:]), **options)

    def pipeline(self, transaction: Any = None, shard_hint: Any = None) -> ClusterPipeline:
        return TaggedPipeline(
            nodes_manager=self.nodes_manager, commands_parser=self.commands_parser,
            startup_nodes=self.nodes_manager.startup_nodes, result_callbacks=self.result_callbacks,
            cluster_response_callbacks=self.cluster_response_callbacks, retry=self.retry, lock=self._lock,
            decode_responses=True,
        )  # fmt: skip


def connect(url: str, **options: Any) -> Any:
    """Return the suite's client, once the cluster is complete."""
    deadline = time.monotonic() + LIMIT_S
    while True:
        try:
            client = TaggedCluster.from_url(url, **options)
            if len(client.get_primaries()) == 3:
                return client
        except redis.exceptions.RedisError:
            pass
        except redis.exceptions.RedisClusterException:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError("the cluster does not come together")
        time.sleep(0.1)


def sentinels_of(url: str) -> str:
    """Return the REDIS_SENTINELS of a server that was started after the first one."""
    told = Path(os.environ["GROUP_FOLDER"]) / f"sentinels-{url.rpartition(':')[2].partition('/')[0]}"
    deadline = time.monotonic() + LIMIT_S
    while not told.exists():
        assert time.monotonic() < deadline, "there are no sentinels"
        time.sleep(0.1)
    return ",".join(f"127.0.0.1:{port}" for port in told.read_text().split()) + "/runs"


def wait_for_slots(url: str) -> None:
    """Wait until a cluster of one server takes commands."""
    client, deadline = connect_single(url), time.monotonic() + LIMIT_S
    while True:
        try:
            client.get("any key")
            return
        except redis.exceptions.RedisError:
            assert time.monotonic() < deadline, "the server takes no commands"
            time.sleep(0.1)


def prepare_services() -> None:
    """Have a service with a server of its own wait for that, or ask the sentinels of that one."""
    from support.processes import Service  # type: ignore[import-not-found]  # of the suite

    start = Service.start

    def start_with_group(service: Any) -> None:
        url = service.env["REDIS_URL"]
        if url != os.environ["REDIS_URL"] and IS_CLUSTER:
            wait_for_slots(url)
        elif url != os.environ["REDIS_URL"]:
            service.env["REDIS_SENTINELS"] = sentinels_of(url)
        start(service)

    Service.start = start_with_group


IS_CLUSTER = os.environ["GROUP_KIND"] == "cluster"
prepare_services()
if IS_CLUSTER:
    connect_single = redis.Redis.from_url
    redis.Redis.from_url = connect  # type: ignore[assignment,method-assign]
