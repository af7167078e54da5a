"""Scripts that change something: begun now and answered later, while the caller works; or called at little cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
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

#: What a column of words is.
Column = Sequence[bytes]
#: Lengths of words as they travel, without the sign before them.
_LENGTHS = [b"%d\r\n" % length for length in range(8_192)]


def packed_call(words: Sequence[Any], columns: Sequence[Column]) -> bytes:
    """Return a call as it travels: its first words, then the first of each column, the second of each and so on.

    The driver would take three times as long for the columns, of whose words there are a thousand or two.
    """
    start: bytes = hiredis.pack_command(tuple(words))
    count = b"*%d\r\n" % len(words)
    pieces = _pieces(columns) if columns and columns[0] else []
    total = b"*%d\r\n" % (len(words) + sum(map(len, columns)))
    return b"".join(chain([total, start[len(count) :]], chain.from_iterable(zip(*pieces, strict=False))))


def _pieces(columns: Sequence[Column]) -> list[Iterable[bytes]]:
    """Return what the words of a row are made of, piece after piece, each for all rows; one at least is finite."""
    rows = len(columns[0])
    pieces: list[Iterable[bytes]] = []
    before = b""
    for column in columns:
        if column.count(column[0]) == rows:
            before += b"$%d\r\n%b\r\n" % (len(column[0]), column[0])
            continue
        lengths = [*map(len, column)]
        if lengths.count(lengths[0]) == rows:
            pieces.append([before + b"$%d\r\n" % lengths[0]] * rows)
        else:
            pieces.append([before + b"$"] * rows)
            is_usual = max(lengths) < len(_LENGTHS)
            pieces.append(map(_LENGTHS.__getitem__, lengths) if is_usual else [b"%d\r\n" % one for one in lengths])
        pieces.append(column)
        before = b"\r\n"
    return [*pieces, [before] * rows]


class BegunScript:
    """One call of a script: made ready, sent, answered; whatever happens to it is told by `answer`.

    Where the connection is more than a plain one (a cluster, replicas to wait for), `answer` makes the whole call. The
    words of `columns`, a row after the other, are the last arguments.
    """

    def __init__(
        self, script: Script, keys: Sequence[str], args: Sequence[Any], *, columns: Sequence[Column] = ()
    ) -> None:
        self._script, self._keys, self._first, self._columns = script, keys, args, columns
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
            words = ("EVALSHA", self._script.sha, len(self._keys), *self._keys, *self._first)
            self._packed = packed_call(words, self._columns)
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
            return self._script(self._keys, self._args())
        try:
            if self._error is not None:
                raise self._error
            return self._connection.read_response(disable_decoding=True)
        except (NoScriptError, redis.ConnectionError) as error:
            return _repeat(self._script, self._keys, self._args(), error)
        except redis.RedisError:
            with translated():
                raise
        finally:
            self._release()

    def _args(self) -> list[Any]:
        """Return all arguments."""
        return [*self._first, *chain.from_iterable(zip(*self._columns, strict=True))]

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
