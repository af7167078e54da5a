"""What a writer is told when Redis fails in the midst of writing: which runs were written, which were not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard.errors import StoreUnavailable, Unavailable, WritesInterrupted

#: Hashes named in a message; the error holds them all.
NAMED = 3


def interrupted(error: Unavailable, *, results: Sequence[Any], batch: Sequence[str]) -> WritesInterrupted:
    """Return the error of a write that failed at a batch (hashes), after others that have results."""
    is_certain = not isinstance(error, StoreUnavailable) or error.is_nothing_done
    in_doubt = [] if is_certain else list(batch)
    words = [str(error)]
    if results:
        words.append(f"{_runs(len(results))} written.")
    if in_doubt:
        named = ", ".join(in_doubt[:NAMED])
        more = f" and {len(in_doubt) - NAMED:,} more" if len(in_doubt) > NAMED else ""
        words.append(f"Whether {named}{more} {'was' if len(in_doubt) == 1 else 'were'} written is not known.")
        words.append("Any that follow were not.")
    elif batch:
        words.append("The others were not." if results else "Nothing was written.")
    words.append("It is safe to send all of it again.")
    return WritesInterrupted(" ".join(words), results=results, in_doubt=in_doubt, retry_after_s=error.retry_after_s)


def _runs(count: int) -> str:
    return "1 run was" if count == 1 else f"{count:,} runs were"
