"""Names of sessions that lie on servers of one's choice."""

from __future__ import annotations

from itertools import count

from tests.cluster.servers import Cluster, Server
from tests.contract.model import tag


def session_on(cluster: Cluster, server: Server, *, start: int = 0) -> str:
    """Return the id of a session that lies on that server, as its names are now."""
    return next(sid for number in count(start) if cluster.master_of(tag(sid := f"S{number}:1h:1:2")) is server)


def one_on_each(cluster: Cluster) -> list[str]:
    """Return the id of a session for each server that holds slots."""
    return [session_on(cluster, server) for server in cluster.masters()]
