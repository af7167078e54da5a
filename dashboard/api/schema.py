"""Pieces of the OpenAPI description: parameters out of filter sets, errors, and the commonest answers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.contrib.django_filters import DjangoFilterExtension
from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from dashboard.api import fields
from dashboard.api.filters import RepositoryFilterSet


class TokenScheme(SimpleJWTScheme):
    """Describes our way to take simplejwt's tokens as it describes its own."""

    target_class = "dashboard.api.authentication.TokenAuthentication"


SID = OpenApiParameter(
    "sid",
    str,
    OpenApiParameter.PATH,
    description="Session id `{symbol}:{timeframe}:{startTimestamp}:{endTimestamp}`, raw or percent-encoded.",
)
CONFIG_HASH = OpenApiParameter("config_hash", str, OpenApiParameter.PATH, description="The run's configHash.")
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    str,
    OpenApiParameter.HEADER,
    description="ETag of an answer already had; 304 when nothing changed since.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="ETag of what is being edited; 412 when it was changed meanwhile.",
)
ETAG = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, response=[200], description="Changes whenever the answer does."
)
LINK = OpenApiParameter(
    "Link",
    str,
    OpenApiParameter.HEADER,
    response=[200],
    description='Neighbouring pages (RFC 8288): `rel="next"`, `rel="prev"`.',
)
RETRY_AFTER = OpenApiParameter(
    "Retry-After", int, OpenApiParameter.HEADER, response=[429, 503], description="Seconds to wait."
)

#: What is wrong with which parameters or fields; a body that cannot be read at all has none to name.
MISUNDERSTOOD = {
    "oneOf": [
        {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
        {"$ref": "#/components/schemas/Error"},
    ],
    "example": {"minProfit": ["Not a finite number. Accepted are numbers such as 250, -0.5 or 2.5e2."]},
}


class ErrorSerializer(serializers.Serializer):
    """An error in words, and its name for programs."""

    detail = serializers.CharField()
    code = serializers.CharField()


_ERRORS: dict[int, tuple[Any, str]] = {
    400: (
        MISUNDERSTOOD,
        "Something in the request is not understood: by parameter or field, why, and what would be accepted.",
    ),
    401: (ErrorSerializer, "No credentials, or bad ones."),
    403: (ErrorSerializer, "No right to do this, or a browser's session without its CSRF token."),
    404: (ErrorSerializer, "No such session, or no such run in it."),
    412: (ErrorSerializer, "What was to be edited is no longer what `If-Match` names."),
    413: (ErrorSerializer, "The body is larger than MAX_BODY_MB."),
    415: (ErrorSerializer, "The body is of a content type that is not accepted here."),
    422: (ErrorSerializer, "The stored record cannot be read; `/raw` gives its text."),
    429: (ErrorSerializer, "Too many requests; `Retry-After` says when to go on."),
    503: (ErrorSerializer, "The data store does not answer; `Retry-After` says when to try again."),
}


def answers(
    ok: Any,
    *errors: int,
    status: int = 200,
    description: str = "",
    examples: Any = None,
    media_type: str = "application/json",
) -> dict[Any, OpenApiResponse]:
    """Return the responses of an operation: its success, the errors named, and those that any operation may answer."""
    responses: dict[Any, OpenApiResponse] = {
        (status, media_type): OpenApiResponse(ok, description=description, examples=examples)
    }
    for code in sorted({*errors, 400, 401, 429, 503}):
        response, words = _ERRORS[code]
        responses[code, "application/json"] = OpenApiResponse(response, description=words)
    return responses


def parameters(filterset: type[RepositoryFilterSet], *more: OpenApiParameter) -> list[OpenApiParameter]:
    """Return the description of every parameter of a filter set, then `more`."""
    described = [_parameter(name, one.field) for name, one in filterset.base_filters.items()]
    described += [_parameter(f"{prefix}{{field}}", one.field) for prefix, one in filterset.families.items()]
    return [*described, *more, RETRY_AFTER]


def _parameter(name: str, field: Any) -> OpenApiParameter:
    schema: Any
    if isinstance(field, fields.NumberField):
        schema = {"type": "number"}
    elif isinstance(field, fields.IntegerField):
        schema = {"type": "integer", "minimum": field.least, "maximum": field.most, "default": field.default}
    elif isinstance(field, fields.BooleanField):
        schema = {"type": "boolean"}
    elif isinstance(field, fields.FlagField):
        schema = {"type": "string", "enum": ["0", "1"], "default": "0"}
    elif isinstance(field, fields.OrderingField):
        schema = {"type": "string", "enum": list(field.orderings), "default": field.default}
    elif isinstance(field, fields.NamesField):
        schema = {"type": "array", "items": {"type": "string"}, "maxItems": field.most}
    else:
        schema = OpenApiTypes.STR
    return OpenApiParameter(
        name, schema, OpenApiParameter.QUERY, required=field.required, description=str(field.help_text)
    )


class RepositoryFilterExtension(DjangoFilterExtension):
    """Keeps drf-spectacular from looking for a model behind our filters; operations state theirs by `parameters`."""

    target_class = "dashboard.api.filters.RepositoryFilterBackend"
    priority = 1

    def get_schema_operation_parameters(self, auto_schema: Any, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        """Return nothing: see `parameters`."""
        return []
