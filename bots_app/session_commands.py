"""What the commands over sessions share: their arguments and how they choose."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError, OutputWrapper

from bots_app.helpers import LEAST_RUNS, MOST_HELPERS, usual_helpers
from bots_app.strays import Strays
from bots_app.survey import later_records, session_ids, statuses_of
from dashboard.errors import InvalidSessionId, SessionNotFound
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry

#: Keys named of many.
EXAMPLES = 3


def session_id(text: str) -> SessionId:
    """Return the session id of a command's argument; argparse shows the refusal."""
    try:
        return SessionId.parse(text)
    except InvalidSessionId as error:
        raise ArgumentTypeError(str(error)) from None


def add_sessions_argument(parser: ArgumentParser) -> None:
    """Declare SID..., all sessions when none is named."""
    parser.add_argument(
        "sessions", metavar="SID", nargs="*", type=session_id,
        help="symbol:timeframe:startTimestamp:endTimestamp; every session when left out",
    )  # fmt: skip


def chosen(sessions: list[SessionId]) -> list[tuple[SessionId, set[str]]]:
    """Return the sessions named, or all, each with the statuses that have a set.

    Raises CommandError for one that is not there.
    """
    if not sessions:
        sessions = sorted(SessionId.parse(sid) for sid in session_ids())
    else:
        known: set[str] | None = None
        for sid in sessions:
            if not SessionRegistry().exists(sid):
                # Records alone, without any index, make a session too.
                known = session_ids() if known is None else known
                if str(sid) not in known:
                    raise CommandError(str(SessionNotFound(sid)), returncode=2)
    statuses = statuses_of(map(str, sessions)) if sessions else {}
    return [(sid, statuses[str(sid)]) for sid in sessions]


def add_processes_argument(parser: ArgumentParser) -> None:
    """Declare --processes."""
    parser.add_argument(
        "--processes", type=_at_least_one, default=usual_helpers(), metavar="N",
        help=f"processes that share the work on a session of {LEAST_RUNS:,} runs or more; default %(default)s, as many "
        f"as there are processors, {MOST_HELPERS} at most",
    )  # fmt: skip


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text} is no whole number from 1 on")
    return int(text)


@contextmanager
def strays_of(count: int) -> Iterator[Strays | None]:
    """Find the records that no set of runs names, once for so many sessions; None for a single one."""
    if count < 2:
        yield None
        return
    with Strays() as strays:
        yield strays


def tell_later_records(sessions: list[SessionId], out: OutputWrapper) -> None:
    """Say how many records there are in a layout that is read by an importer alone, of these sessions or of all."""
    found = list(later_records(sessions))
    if found:
        examples = ", ".join(sorted(found)[:EXAMPLES])
        out.write(
            f"{len(found):,} records are of the later key layout, such as {examples}; they belong to no session here, "
            "and are left alone until they are imported."
        )
