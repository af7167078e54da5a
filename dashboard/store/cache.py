"""Lets Django's cache share the store's connection, whatever server that leads to."""

from __future__ import annotations

from typing import Any

from dashboard.store.client import client


class ConnectionFactory:
    """What django-redis asks for connections; a server that is away is StoreUnavailable here too, never ignored."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options

    def connect(self, url: str) -> Any:
        """Return the process-wide client; the address is the one it already knows."""
        return client()

    def disconnect(self, connection: Any) -> None:
        """Keep the connections: they are the store's to close."""
