"""The description of the answers of the analysis, from the very classes that are answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from drf_spectacular.utils import OpenApiResponse, extend_schema

from dashboard.api import schema
from dashboard.api.filters import RepositoryFilterSet

STALE = {"type": "boolean", "description": "Only as true: other programs wrote runs that these figures lack as yet."}


def answering(
    operation: str, summary: str, description: str, *, filterset: type[RepositoryFilterSet],
    answer: type[msgspec.Struct],
) -> Callable[[Any], Any]:  # fmt: skip
    """Describe an action of this name, `runs_...` of a session or `run_...` of one run, and what it answers."""
    path = [schema.SID] if operation.startswith("runs_") else [schema.SID, schema.CONFIG_HASH]
    more = (schema.IF_NONE_MATCH, schema.ETAG)
    return extend_schema(
        operation_id=operation, summary=summary, description=description,
        parameters=[*path, *schema.parameters(filterset, *more)], responses=_answers_of(answer),
    )  # fmt: skip


def _answers_of(struct: type[msgspec.Struct]) -> dict[Any, OpenApiResponse]:
    described = msgspec.json.schema(struct)
    whole = _resolved(described, described.get("$defs", {}))
    whole["properties"] = whole["properties"] | {"stale": STALE}
    return schema.answers(whole, 404)


def _resolved(part: Any, known: dict[str, Any]) -> Any:
    """Return a part of a JSON schema with what it refers to in its place; nothing here refers to itself."""
    if isinstance(part, dict):
        if "$ref" in part:
            return _resolved(known[part["$ref"].rpartition("/")[2]], known)
        return {name: _resolved(below, known) for name, below in part.items() if name not in ("$defs", "title")}
    return [_resolved(below, known) for below in part] if isinstance(part, list) else part
