"""Scripts that change something: begun now and answered later, while the caller works; or called at little cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hiredis
import redis
from redis.exceptions import NoScriptError

from dashboard.errors import StoreUnavailable
from dashboard.store.attempts import is_nothing_done
from dashboard.store.client import StoreClient, client, translated
from dashboard.store.lean import Command, kept
from dashboard.store.scripts import Script
from dashboard.store.time_limit import check_time

#: Nine words as they travel: the length of each, and itself.
_NINE = b"$%d\r\n%b\r\n" * 9


def packed_call(words: Sequence[Any], groups: Sequence[Sequence[Any]]) -> bytes:
    """Return a call as it travels: its first words, then the first nine of each group, which are bytes.

    The driver would take three times as long for the groups, of whose words there are a thousand or two.
    """
    start: bytes = hiredis.pack_command(tuple(words))
    packed = [
        _NINE % (len(a), a, len(b), b, len(c), c, len(d), d, len(e), e, len(f), f, len(g), g, len(h), h, len(i), i)
        for a, b, c, d, e, f, g, h, i, *_ in groups
    ]
    count = b"*%d\r\n" % len(words)
    return b"".join([b"*%d\r\n" % (len(words) + 9 * len(groups)), start[len(count) :], *packed])


class BegunScript:
    """One call of a script: made ready, sent, answered; whatever happens to it is told by `answer`.

    Where the connection is more than a plain one (a cluster, replicas to wait for), `answer` makes the whole call. The
    first nine words of each of `groups`, bytes all of them, are the last arguments.
    """

    def __init__(
        self, script: Script, keys: Sequence[str], args: Sequence[Any], *, groups: Sequence[Sequence[Any]] = ()
    ) -> None:
        self._script, self._keys, self._args, self._groups = script, keys, args, groups
        self._client = client()
        self._connection: Any = None
        self._packed = self._end = b""
        self._error: redis.RedisError | None = None
        if type(self._client) is StoreClient:
            self._pack()

    def _pack(self) -> None:
        try:
            check_time()
            self._connection = self._client.connection_pool.get_connection()
            first = self._args[: len(self._args) - 9 * len(self._groups)]
            words = ("EVALSHA", self._script.sha, len(self._keys), *self._keys, *first)
            self._packed = packed_call(words, self._groups)
        except redis.RedisError as error:
            self._error = error

    def send_ahead(self) -> None:
        """Have the server take in the call, all but its end: nothing is done before `send`."""
        if self._connection is not None and self._error is None:
            self._push(self._packed[:-1], check_health=True)
            self._end = self._packed[-1:]

    def send(self) -> None:
        """Have the server begin."""
        if self._connection is not None and self._error is None:
            self.transmit()

    def transmit(self) -> None:
        """Send by the connection that was taken; an error is told by `answer`."""
        if not self._end:
            self._push(self._packed, check_health=True)
        elif self._connection._sock is not None:
            self._push(self._end, check_health=False)  # a PING would stand in the midst of the call
        else:  # a connection opened anew knows nothing of what came before
            self._error = redis.ConnectionError("the connection was closed in mid-call")

    def _push(self, part: bytes, *, check_health: bool) -> None:
        try:
            self._connection.send_packed_command((part,), check_health=check_health)
        except redis.RedisError as error:
            self._error = error

    def answer(self) -> Any:
        """Return the answer. Raises as `Script.__call__`; a dropped connection is tried again once, as everywhere."""
        if self._connection is None and self._error is None:
            return self._script(self._keys, self._args)
        try:
            if self._error is not None:
                raise self._error
            return self._connection.read_response(disable_decoding=True)
        except (NoScriptError, redis.ConnectionError) as error:
            return _repeat(self._script, self._keys, self._args, error)
        except redis.RedisError:
            with translated():
                raise
        finally:
            self._release()

    def abandon(self) -> None:
        """Hang up, whether or not the script has run by now. May be called after `answer`."""
        if self._connection is not None:
            self._connection.disconnect()
            self._release()

    def _release(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self._client.connection_pool.release(connection)


class PackedScript:
    """One call of a script whose first words were packed before; a usual call where the connection is no plain one."""

    def __init__(self, script: Script, command: Command, rest: Sequence[Any]) -> None:
        self._script, self._command, self._rest = script, command, rest

    def answer(self) -> Any:
        """Make the call and return its answer. Raises as `BegunScript.answer`."""
        connections = kept(client())
        if connections is None:
            return self._script(*self._words())
        try:
            check_time()
            return connections.ask(self._command.packed(self._rest), is_sure=True)
        except (NoScriptError, redis.ConnectionError) as error:
            return _repeat(self._script, *self._words(), error)
        except redis.RedisError:
            with translated():
                raise

    def _words(self) -> tuple[Sequence[Any], Sequence[Any]]:
        """Return keys and arguments."""
        _, _, count, *words = self._command.words
        return words[: int(count)], [*words[int(count) :], *self._rest]


def _repeat(script: Script, keys: Sequence[Any], args: Sequence[Any], first: redis.RedisError) -> Any:
    try:
        return script(keys, args)
    except StoreUnavailable as error:
        error.is_nothing_done = error.is_nothing_done and is_nothing_done(first)
        raise
