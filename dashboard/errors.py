"""Every error the product raises on purpose: one root, one class per condition.

`code` is the machine name and `status` the HTTP status that the API and the pages answer with; `str(error)` is fit for
users.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class DashboardError(Exception):
    """Root of all errors below."""

    code = "error"
    status = 500


class InvalidParameter(DashboardError):
    """Raised when a parameter is not understood; names it and what would be accepted."""

    code = "invalid"
    status = 400

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


class CursorInvalid(InvalidParameter):
    """Raised when a cursor is forged, from another list, or made under other filters or another order."""

    code = "invalid_cursor"

    def __init__(self, message: str) -> None:
        super().__init__("cursor", message)


class InvalidSessionId(DashboardError):
    """Raised when a text is no session id; nothing can be stored under it, so it is not found."""

    code = "not_found"
    status = 404


class SessionNotFound(DashboardError):
    """Raised when no key of the session exists."""

    code = "not_found"
    status = 404

    def __init__(self, sid: object) -> None:
        super().__init__(f"There is no session {sid}.")


class RunNotFound(DashboardError):
    """Raised when neither a record nor an index entry of the run exists."""

    code = "not_found"
    status = 404

    def __init__(self, sid: object, config_hash: str) -> None:
        super().__init__(f"There is no run {config_hash} in session {sid}.")


class InvalidRecord(DashboardError):
    """Raised when a record sent to us cannot be stored; names the field."""

    code = "invalid_record"
    status = 422


class RecordUnreadable(DashboardError):
    """Raised when a stored record or its trades cannot be read; the raw text can be looked at."""

    code = "unreadable"
    status = 422

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what} cannot be read: {reason}.")
        self.reason = reason


class PreconditionFailed(DashboardError):
    """Raised when what is stored is no longer what the `If-Match` of an edit named."""

    code = "precondition_failed"
    status = 412


class BodyTooLarge(DashboardError):
    """Raised when a request body is larger than MAX_BODY_MB."""

    code = "too_large"
    status = 413


class Unavailable(DashboardError):
    """Raised when an answer cannot be had now; `retry_after_s` says when to ask again."""

    code = "unavailable"
    status = 503

    def __init__(self, message: str, *, retry_after_s: int = 5) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StoreUnavailable(Unavailable):
    """Raised when Redis does not answer, or answers that it cannot serve now.

    `is_nothing_done` says that it is certain that the call had no effect; else it may have had its whole effect.
    """

    code = "store_unavailable"

    def __init__(
        self,
        message: str = "The data store does not answer at the moment.",
        *,
        retry_after_s: int = 5,
        is_nothing_done: bool = False,
    ) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.is_nothing_done = is_nothing_done

    def about(self, change: str) -> StoreUnavailable:
        """Return the error of a call that makes a change, such as "the run was deleted": was it made?"""
        words = "Nothing was changed." if self.is_nothing_done else f"Whether {change} is not known."
        return StoreUnavailable(
            f"{self} {words}", retry_after_s=self.retry_after_s, is_nothing_done=self.is_nothing_done
        )


class WritesInterrupted(StoreUnavailable):
    """Raised when Redis failed in the midst of writing runs; every batch of them is written whole or not at all.

    `results` are those of the runs that were written, `in_doubt` the hashes of the next ones, of which it is not known;
    those that follow were not written.
    """

    def __init__(
        self, message: str, *, results: Sequence[Any], in_doubt: Sequence[str], retry_after_s: int = 5
    ) -> None:
        super().__init__(message, retry_after_s=retry_after_s, is_nothing_done=not results and not in_doubt)
        self.results = list(results)
        self.in_doubt = list(in_doubt)


class IndexBuilding(Unavailable):
    """Raised when an answer needs indexes that are still being built for this session; `share` of it is done."""

    code = "index_building"

    def __init__(self, message: str, *, retry_after_s: int = 5, share: float = 0.0) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.share = share


class SettingError(DashboardError):
    """Raised at start-up when an environment variable has a bad value; names the variable."""

    code = "bad_setting"

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name


class EmbeddedServerError(DashboardError):
    """Raised when no embedded Redis server can be had; says what would help."""

    code = "no_embedded_server"
