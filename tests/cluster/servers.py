"""Real groups of servers on loopback: a cluster of three masters with a replica each, and what sentinels watch."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import redis
from redis.crc import key_slot

#: Milliseconds after which the others take a server for dead.
DEAD_MS = 1_000
#: Seconds for a group to come together, and for a failover.
FORM_LIMIT_S = 30.0
SLOTS = 16_384
#: The servers behind the sentinels want the one, the sentinels the other; the runs lie in a database of their own.
PASSWORD, SENTINEL_PASSWORD, DATABASE = "word", "another-word", 3
SERVICE = "runs"
PLAIN = ["--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0", "--bind", "127.0.0.1"]
CLUSTERED = [
    "--cluster-enabled", "yes", "--cluster-node-timeout", str(DEAD_MS), "--cluster-replica-validity-factor", "0",
    "--cluster-config-file", "nodes.conf",
]  # fmt: skip


def free_port() -> int:
    """Return a loopback port that is free, as is the one 10,000 above it, where nodes of a cluster talk."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 10_000))
            except (OSError, OverflowError):
                continue
            return port


def until(is_so: Callable[[], Any], what: str, limit_s: float = FORM_LIMIT_S) -> None:
    """Wait until something is so; a server that does not answer is one that it is not so of."""
    deadline = time.monotonic() + limit_s
    while True:
        try:
            if is_so():
                return
        except redis.RedisError:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {limit_s} s: {what}")
        time.sleep(0.05)


class Server:
    """One process, which can be killed, frozen and started again."""

    def __init__(self, binary: Path, folder: Path, arguments: Sequence[str], password: str | None = None) -> None:
        self.port = free_port()
        folder = folder / str(self.port)
        folder.mkdir()
        self.log = folder / "log"
        self.command = [str(binary), *arguments, "--port", str(self.port), "--dir", str(folder)]
        self.client = redis.Redis(port=self.port, password=password, socket_timeout=2, protocol=2)
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(self.client.ping, f"an answer of {self.command}")

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """End at once, as a machine does that loses its power."""
        if self.is_running:
            assert self.process is not None
            self.process.kill()
            self.process.wait()
        self.client.connection_pool.disconnect()


class Attached(Server):
    """A server that somebody else has started, and ends."""

    def __init__(self, port: int) -> None:
        self.port, self.process = port, None
        self.client = redis.Redis(port=port, socket_timeout=2, protocol=2)
        until(self.client.ping, f"an answer of the server on port {port}")

    @property
    def is_running(self) -> bool:
        return True

    def kill(self) -> None:
        """Leave it to whom it belongs."""


class Group(ABC):
    """What both kinds share: servers to be ended, and ports."""

    servers: list[Server]
    url: str

    @abstractmethod
    def mend(self) -> None:
        """Start what was killed again, and wait until all is as it was."""

    def stop(self) -> None:
        for server in self.servers:
            server.kill()

    def thaw(self) -> None:
        """Let servers that were frozen go on."""
        for server in self.servers:
            if server.is_running:
                server.signal(signal.SIGCONT)

    def replica_count(self, server: Server) -> int:
        """Return how many replicas have all that a server has, those that are still being given it left out."""
        told = [one.client.info("replication") for one in self.servers if one is not server and one.is_running]
        return sum(one.get("master_port") == server.port and one["master_link_status"] == "up" for one in told)


class Cluster(Group):
    """Three masters, a replica each."""

    def __init__(self, binary: Path, folder: Path, *, masters: int = 3, first: Server | None = None) -> None:
        known = [first] if first else []
        self.servers = known + [Server(binary, folder, [*PLAIN, *CLUSTERED]) for _ in range(2 * masters - len(known))]
        first, *others = self.servers
        for epoch, server in enumerate(self.servers, 1):
            server.client.execute_command("CLUSTER SET-CONFIG-EPOCH", epoch)
        share = -(-SLOTS // masters)
        for place, server in enumerate(self.servers[:masters]):
            server.client.execute_command("CLUSTER ADDSLOTS", *range(place * share, min(SLOTS, (place + 1) * share)))
        for server in others:
            first.client.execute_command("CLUSTER MEET", "127.0.0.1", server.port)
        until(
            lambda: all(len(self.known(one)) == 2 * masters for one in self.servers), "that all nodes know each other"
        )
        for place, server in enumerate(self.servers[masters:]):
            server.client.execute_command("CLUSTER REPLICATE", self.name(self.servers[place]))
        self.url = ",".join(f"127.0.0.1:{server.port}" for server in self.servers[:2]).join(("redis://", "/0"))
        self.wait_whole()

    def known(self, server: Server) -> list[list[str]]:
        """Return what a node says of all nodes, without those it is only told of."""
        text = server.client.execute_command("CLUSTER NODES")
        lines = text.decode().splitlines() if isinstance(text, bytes) else [
            f"{told['node_id']} {address} {told['flags']}" for address, told in text.items()
        ]  # fmt: skip
        return [line.split() for line in lines if "handshake" not in line]

    def name(self, server: Server) -> str:
        return next(words[0] for words in self.known(server) if "myself" in words[2])

    def masters(self) -> list[Server]:
        """Return the servers that hold slots, as the others see it now."""
        asked = next(server for server in self.servers if server.is_running)
        owners = {words[1].partition("@")[0].rpartition(":")[2] for words in self._slots(asked)}
        return [server for server in self.servers if str(server.port) in owners]

    def _slots(self, asked: Server) -> list[list[str]]:
        return [["", f"127.0.0.1:{owner[1]}"] for _, _, owner, *_ in _ranges(asked)]

    def master_of(self, key: str) -> Server:
        """Return the server that holds a key."""
        return self.master_of_slot(key_slot(key.encode()))

    def master_of_slot(self, slot: int) -> Server:
        asked = next(server for server in self.servers if server.is_running)
        port = next(owner[1] for first, last, owner, *_ in _ranges(asked) if first <= slot <= last)
        return next(server for server in self.servers if server.port == port)

    def wait_whole(self) -> None:
        """Wait until every slot has a master, and every master a replica that has all it has."""

        def is_whole() -> bool:
            states = [server.client.execute_command("CLUSTER INFO") for server in self.servers]
            masters = self.masters()
            return (
                all("cluster_state:ok" in str(state) or (isinstance(state, dict) and state["cluster_state"] == "ok")
                    for state in states)
                and len(masters) == 3
                and all(self.replica_count(server) == 1 for server in masters)
                and all({one.port for one in masters} == {owner[1] for _, _, owner, *_ in _ranges(server)}
                        for server in self.servers)
            )  # fmt: skip

        until(is_whole, "that the cluster is whole")

    def mend(self) -> None:
        """Start what was killed again, and wait until all is as it was, if with other masters."""
        for server in self.servers:
            if not server.is_running:
                server.start()
        self.wait_whole()


def _ranges(server: Server) -> list[Any]:
    connection = server.client.connection_pool.get_connection()
    try:
        connection.send_command("CLUSTER", "SLOTS")
        found: list[Any] = connection.read_response()
        return found
    finally:
        server.client.connection_pool.release(connection)


class Watched(Group):
    """A master with two replicas, and three sentinels."""

    def __init__(self, binary: Path, folder: Path) -> None:
        secrets = ["--requirepass", PASSWORD, "--masterauth", PASSWORD]
        self.data = [Server(binary, folder, [*PLAIN, *secrets], PASSWORD) for _ in range(3)]
        master = self.data[0]
        for server in self.data[1:]:
            server.client.execute_command("REPLICAOF", "127.0.0.1", master.port)
        self.sentinels = [self._sentinel(binary, folder, place, master.port) for place in range(3)]
        self.servers = [*self.data, *self.sentinels]
        self.url = f"redis://:{PASSWORD}@localhost/{DATABASE}"
        self.addresses = [("127.0.0.1", server.port) for server in self.sentinels]
        self.wait_whole()

    def _sentinel(self, binary: Path, folder: Path, place: int, master: int) -> Server:
        lines = [
            f"sentinel monitor {SERVICE} 127.0.0.1 {master} 2",
            f"sentinel auth-pass {SERVICE} {PASSWORD}",
            f"sentinel down-after-milliseconds {SERVICE} {DEAD_MS}",
            f"sentinel failover-timeout {SERVICE} 1000",
            f'requirepass "{SENTINEL_PASSWORD}"',
            f'sentinel sentinel-pass "{SENTINEL_PASSWORD}"',
        ]
        path = folder / f"sentinel-{place}.conf"
        path.write_text("\n".join(lines) + "\n")
        return Server(binary, folder, [str(path), "--sentinel", "--bind", "127.0.0.1"], SENTINEL_PASSWORD)

    def thaw(self) -> None:
        """Let servers that were frozen go on; sentinels that were would not trust their clocks for half a minute."""
        super().thaw()
        for sentinel in self.sentinels:
            sentinel.kill()
            sentinel.start()

    def master(self) -> Server:
        """Return the server that the sentinels name."""
        asked = next(server for server in self.sentinels if server.is_running)
        _, port = asked.client.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", SERVICE)
        return next(server for server in self.data if server.port == int(port))

    def wait_whole(self) -> None:
        """Wait until every sentinel knows all others, and the master has two replicas."""

        def is_whole() -> bool:
            master = self.master()
            told = [dict(_pairs(one.client.execute_command("SENTINEL MASTER", SERVICE))) for one in self.sentinels]
            return self.replica_count(master) == 2 and all(
                int(one["num-other-sentinels"]) == 2 and int(one["num-slaves"]) >= 2 and one["flags"] == "master"
                for one in told
            )

        until(is_whole, "that the sentinels know each other and all replicas")

    def mend(self) -> None:
        """Start what was killed again, and wait until all is as it was, if with another master."""
        for server in self.servers:
            if not server.is_running:
                server.start()
        for server in self.data:  # as the sentinels would have it within some ten seconds
            if server is not self.master() and server.client.info("replication")["role"] == "master":
                server.client.execute_command("REPLICAOF", "127.0.0.1", self.master().port)
        self.wait_whole()


def _pairs(answer: Any) -> list[tuple[str, str]]:
    if isinstance(answer, dict):
        return [(str(name), "master" if name == "flags" else str(value)) for name, value in answer.items()]
    texts = [text.decode() for text in answer]
    return list(zip(texts[::2], texts[1::2], strict=True))
