"""The description of the answers of the analysis, from the very classes that are answered."""

from __future__ import annotations

from typing import Any

import msgspec
from drf_spectacular.utils import OpenApiResponse

from dashboard.api import schema

STALE = {"type": "boolean", "description": "Only as true: other programs wrote runs that these figures lack as yet."}


def answers_of(struct: type[msgspec.Struct], *errors: int) -> dict[Any, OpenApiResponse]:
    """Return the responses of an operation that answers a struct."""
    described = msgspec.json.schema(struct)
    whole = _resolved(described, described.get("$defs", {}))
    whole["properties"] = whole["properties"] | {"stale": STALE}
    return schema.answers(whole, 404, *errors)


def _resolved(part: Any, known: dict[str, Any]) -> Any:
    """Return a part of a JSON schema with what it refers to in its place; nothing here refers to itself."""
    if isinstance(part, dict):
        if "$ref" in part:
            return _resolved(known[part["$ref"].rpartition("/")[2]], known)
        return {name: _resolved(below, known) for name, below in part.items() if name not in ("$defs", "title")}
    return [_resolved(below, known) for below in part] if isinstance(part, list) else part
