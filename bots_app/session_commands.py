"""What the commands over sessions share: their arguments and how they choose."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError

from django.core.management.base import CommandError

from bots_app.survey import session_ids, statuses_of
from dashboard.errors import InvalidSessionId, SessionNotFound
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry


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
