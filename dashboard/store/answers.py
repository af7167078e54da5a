"""Reading many keys that other programs may have made of any type."""

from __future__ import annotations

from typing import Any

from dashboard.store.client import StorePipeline, translated


def answers(pipe: StorePipeline) -> list[Any]:
    """Run a pipeline; return its answers, None for each key that holds another type. Raises StoreUnavailable."""
    found = pipe.execute(raise_on_error=False)
    for answer in found:
        if isinstance(answer, Exception) and not str(answer).startswith("WRONGTYPE"):
            with translated():
                raise answer
    return [None if isinstance(answer, Exception) else answer for answer in found]
