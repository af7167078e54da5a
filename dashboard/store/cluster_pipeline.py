"""Pipelines over a Redis Cluster: each server gets its part at once, so that all of them work at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import redis
from redis.exceptions import AskError, ClusterDownError, MovedError, ResponseError, TryAgainError

from dashboard.store.client import StorePipeline, translated
from dashboard.store.cluster import RoutedClient, address_of, slot_of
from dashboard.store.time_limit import check_time

#: Rounds in which commands are sent again to the servers that they were moved to.
ROUNDS = 4
LOAD = "SCRIPT LOAD"


class _Part:
    """What one server is sent: scripts to know, whose answers come first, and commands by their place."""

    def __init__(self, server: Any, loads: Sequence[int]) -> None:
        self.server, self.places, self.loads = server, list(loads), len(loads)
        self.connection: Any = None

    def send(self, stack: Sequence[tuple[Any, Any]]) -> None:
        self.connection = self.server.connection_pool.get_connection()
        self.connection.send_packed_command(self.connection.pack_commands([stack[place][0] for place in self.places]))

    def receive(self, stack: Sequence[tuple[Any, Any]]) -> list[Any]:
        found: list[Any] = []
        for place in self.places:
            args, options = stack[place]
            try:
                found.append(self.server.parse_response(self.connection, args[0], **options))
            except ResponseError as error:
                found.append(error)
        return found

    def leave(self, *, is_read: bool) -> None:
        """Give the connection back; one that still has answers to come can serve nobody else."""
        if self.connection is not None:
            if not is_read:
                self.connection.disconnect()
            self.server.connection_pool.release(self.connection)
            self.connection = None


class ClusterPipeline(StorePipeline):
    """A pipeline over all servers; commands of one slot keep their order."""

    def __init__(self, cluster: RoutedClient) -> None:
        super().__init__(cluster.connection_pool, cluster.response_callbacks, False, None)
        self.routed = cluster

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        with translated():
            check_time()
            stack = self.command_stack
            try:
                found = self._run(stack)
            finally:
                self.reset()
            if raise_on_error:
                self.raise_first_error(stack, found)
            return found

    def _run(self, stack: Sequence[tuple[Any, Any]]) -> list[Any]:
        found: list[Any] = [None] * len(stack)
        loads = [place for place, (args, _) in enumerate(stack) if args[0] == LOAD]
        waiting = [place for place, (args, _) in enumerate(stack) if args[0] != LOAD]
        for _ in range(ROUNDS):
            again = self._round(stack, self._parts(stack, loads, waiting), found)
            if not again:
                return found
            waiting = again
        raise ClusterDownError("CLUSTERDOWN the slots of these keys are moved all the time")

    def _parts(self, stack: Sequence[tuple[Any, Any]], loads: Sequence[int], waiting: Iterable[int]) -> list[_Part]:
        shards = self.routed.shards
        parts: dict[int, _Part] = {}
        for place in waiting:
            server = shards.owner(slot_of(stack[place][0]))
            parts.setdefault(id(server), _Part(server, loads)).places.append(place)
        return list(parts.values()) or [_Part(server, loads) for server in shards.primaries() if loads]

    def _round(self, stack: Sequence[tuple[Any, Any]], parts: Sequence[_Part], found: list[Any]) -> list[int]:
        """Send each server its part and take the answers; return the places of what has to be sent elsewhere."""
        again: list[int] = []
        sent: list[_Part] = []
        unread = list(parts)
        try:
            for part in parts:
                try:
                    part.send(stack)
                    sent.append(part)
                except redis.ConnectionError as error:
                    again += self._lost(part, error)
            for part in sent:
                try:
                    answers = part.receive(stack)
                except redis.ConnectionError as error:
                    again += self._lost(part, error)
                    continue
                unread.remove(part)
                part.leave(is_read=True)
                again += self._settle(stack, part, answers, found)
        except redis.TimeoutError:
            for part in unread:
                self.routed.shards.failed(address_of(part.server))
            raise
        finally:
            for part in unread:
                part.leave(is_read=False)
        return again

    def _lost(self, part: _Part, error: redis.ConnectionError) -> list[int]:
        """Return what a server that failed was to do, if others have taken its place. Raises the error if not."""
        shards, server = self.routed.shards, part.server
        part.leave(is_read=False)
        shards.failed(address_of(server))
        if any(server is primary for primary in shards.primaries()):
            raise error
        return part.places[part.loads :]

    def _settle(
        self, stack: Sequence[tuple[Any, Any]], part: _Part, answers: Sequence[Any], found: list[Any]
    ) -> list[int]:
        """Put the answers where they belong; return the places of what has to be sent elsewhere."""
        again = []
        for place, answer in zip(part.places, answers, strict=True):
            if isinstance(answer, MovedError):
                self.routed.shards.moved(answer.slot_id, (answer.host or address_of(part.server)[0], answer.port))
                again.append(place)
            elif isinstance(answer, AskError | TryAgainError):
                found[place] = self._single(*stack[place])
            else:
                if isinstance(answer, ClusterDownError):
                    self.routed.shards.failed(address_of(part.server))
                found[place] = answer
        return again

    def _single(self, args: Sequence[Any], options: dict[str, Any]) -> Any:
        """Run a command of a slot that is just being moved."""
        try:
            return self.routed.routed(slot_of(args), args, options)
        except ResponseError as error:
            return error
