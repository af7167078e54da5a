"""What a writer is told when the store fails: which runs were written, which not, and of which nobody knows."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff

from bots_app.interruption import interrupted
from bots_app.registry import BotRegistry, WriteResult
from bots_app.writes import write_batch
from dashboard.errors import StoreUnavailable, Unavailable, WritesInterrupted
from dashboard.store.attempts import RememberingRetry, is_nothing_done
from dashboard.store.time_limit import OutOfTimeError
from sessions_app.records import SessionId
from tests.contract.model import SID


def refused(*, by: str = "Error 111 connecting to 10.0.0.1:6379. Connection refused.") -> redis.ConnectionError:
    error = redis.ConnectionError(by)
    error.__context__ = ConnectionRefusedError()
    return error


@pytest.mark.parametrize(
    ("attempts", "is_certain"),
    [
        ([refused()], True),
        ([redis.BusyLoadingError("LOADING")], True),
        ([redis.AuthenticationError("WRONGPASS")], True),
        ([redis.ResponseError("MISCONF")], True),
        ([OutOfTimeError()], True),
        ([redis.TimeoutError("Timeout reading from socket")], False),
        ([redis.ConnectionError("Connection closed by server.")], False),
        # The connection was lost after the script was sent; only the second attempt was refused.
        ([redis.ConnectionError("Connection closed by server."), refused()], False),
        ([redis.ConnectionError("Connection closed by server."), redis.BusyLoadingError("LOADING")], False),
        ([refused(), refused()], True),
        # The very words matter: the loss was met while somebody dealt with a refusal.
        ([refused(by="Connection closed by server.")], False),
    ],
)
def test_only_an_answer_or_nobody_there_proves_that_nothing_was_done(
    attempts: list[Exception], is_certain: bool
) -> None:
    left = list(attempts)

    def fail() -> None:
        raise left.pop(0)

    retry = RememberingRetry(NoBackoff(), len(attempts) - 1, supported_errors=(redis.RedisError,))
    with pytest.raises(redis.RedisError) as caught:
        retry.call_with_retry(fail, lambda error: None)
    assert is_nothing_done(caught.value) is is_certain


def test_a_script_sent_again_whole_has_an_attempt_before() -> None:
    unknown = redis.exceptions.NoScriptError("NOSCRIPT")
    unknown.earlier = [redis.ConnectionError("Connection closed by server.")]
    error = redis.ResponseError("OOM")
    error.__context__ = unknown
    assert not is_nothing_done(error)


def test_on_a_cluster_nothing_is_certain(settings: Any) -> None:
    settings.REDIS_CLUSTER = True
    assert not is_nothing_done(redis.ResponseError("OOM"))


@pytest.mark.parametrize(
    ("error", "results", "words"),
    [
        (StoreUnavailable(is_nothing_done=True), 0, "Nothing was written."),
        (StoreUnavailable(), 0, "Whether a, b, c and 1 more were written is not known. Any that follow were not."),
        (StoreUnavailable(), 1_500, "1,500 runs were written. Whether a, b, c and 1 more"),
        (StoreUnavailable(is_nothing_done=True), 1, "1 run was written. The others were not."),
        (Unavailable("The summary is being written too often."), 2, "2 runs were written. The others were not."),
    ],
)
def test_it_is_told_in_words(error: Unavailable, results: int, words: str) -> None:
    found = interrupted(error, results=[object()] * results, batch=["a", "b", "c", "d"])
    assert str(found).startswith(str(error))
    assert words in str(found)
    assert str(found).endswith("It is safe to send all of it again.")
    assert bool(found.in_doubt) is ("not known" in words or "1 more" in words)


def test_every_record_that_was_sent_has_a_fate(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: BotRegistry, sid: SessionId, writes: list[Any]) -> None:
        results = [WriteResult(0, "run-0", "created"), WriteResult(1, "run-2", "updated")]
        raise WritesInterrupted("It stopped.", results=results, in_doubt=["run-3"])

    monkeypatch.setattr(BotRegistry, "put_many", fail)
    records = [b'{"configHash":"run-%d","status":"%s"}' % (n, b"" if n == 1 else b"failed") for n in range(6)]
    with pytest.raises(WritesInterrupted) as caught:
        write_batch(BotRegistry(), SessionId.parse(SID), records)
    fates = [(one["configHash"], one["result"]) for one in caught.value.results]
    assert fates == [
        ("run-0", "created"), (None, "refused"), ("run-2", "updated"), ("run-3", "unknown"), ("run-4", "unwritten"),
        ("run-5", "unwritten"),
    ]  # fmt: skip
