"""Every error of the API becomes JSON here: `{"detail", "code"}`, or a map of fields for input that is not understood.

Nothing of an unexpected error reaches the user but the id of the request, under which the log has the traceback.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response

from dashboard.errors import BodyTooLarge, DashboardError, InvalidParameter, Unavailable, WritesInterrupted
from dashboard.store.client import is_unavailable

logger = logging.getLogger("dashboard.api")

NOT_FOUND = "Nothing is found at this address."
INTERNAL = "Something went wrong on our side; it has been logged as request {request_id}."
UNAVAILABLE = "The data store does not answer at the moment."


def exception_handler(exc: Exception, context: Mapping[str, object]) -> Response:
    """Return the answer to any error that leaves a view; never None, so that no error page of Django's is shown."""
    if isinstance(exc, DashboardError):
        return _own(exc)
    if isinstance(exc, exceptions.APIException):
        return _framework(exc)
    if isinstance(exc, Http404):
        return error(status.HTTP_404_NOT_FOUND, "not_found", NOT_FOUND)
    if isinstance(exc, PermissionDenied):
        return error(
            status.HTTP_403_FORBIDDEN, "permission_denied", str(exc) or "You do not have the right to do this."
        )
    if isinstance(exc, RequestDataTooBig):
        return _own(BodyTooLarge("The body is larger than this address accepts."))
    if isinstance(exc, SuspiciousOperation):
        return error(status.HTTP_400_BAD_REQUEST, "bad_request", "The request is malformed.")
    if is_unavailable(exc):
        return _own(Unavailable(UNAVAILABLE))
    return _unexpected(exc, context)


def error(
    status_code: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None,
    more: Mapping[str, object] | None = None,
) -> Response:  # fmt: skip
    """Return an error in the agreed form, and what more there is to say."""
    return Response({"detail": detail, "code": code} | dict(more or {}), status=status_code, headers=headers)


def _own(exc: DashboardError) -> Response:
    if isinstance(exc, InvalidParameter):
        return Response({exc.name: [exc.message]}, status=exc.status)
    if isinstance(exc, Unavailable):
        return error(
            exc.status, exc.code, str(exc), headers={"Retry-After": str(exc.retry_after_s)},
            more={"results": exc.results} if isinstance(exc, WritesInterrupted) else {},
        )  # fmt: skip
    return error(exc.status, exc.code, str(exc))


def _framework(exc: exceptions.APIException) -> Response:
    """Return DRF's own answer, a code added; field maps stay as they are."""
    headers = {}
    if getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = exc.auth_header
    if getattr(exc, "wait", None):
        headers["Retry-After"] = str(max(1, int(exc.wait)))
    if isinstance(exc, exceptions.ValidationError):
        detail = exc.detail if isinstance(exc.detail, dict) else {"non_field_errors": exc.detail}
        return Response(_plain(detail), status=exc.status_code, headers=headers)
    if isinstance(exc.detail, dict):
        return error(
            exc.status_code,
            _text(exc.detail.get("code"), exc.default_code),
            _text(exc.detail.get("detail"), ""),
            headers=headers,
        )
    return error(exc.status_code, _text(exc.get_codes(), exc.default_code), _text(exc.detail, ""), headers=headers)


def _text(value: object, otherwise: str) -> str:
    if isinstance(value, list):
        return " ".join(str(item) for item in value)
    return str(value) if value else otherwise


def _plain(detail: object) -> object:
    """Return the detail in plain types: an ErrorDetail is a kind of text that the JSON encoder does not know."""
    if isinstance(detail, Mapping):
        return {str(name): _plain(value) for name, value in detail.items()}
    if isinstance(detail, list | tuple):
        return [_plain(value) for value in detail]
    return str(detail)


def _unexpected(exc: Exception, context: Mapping[str, object]) -> Response:
    request_id = getattr(getattr(context.get("request"), "_request", None), "id", "without an id")
    logger.error("request %s failed", request_id, exc_info=exc)
    return error(status.HTTP_500_INTERNAL_SERVER_ERROR, "internal", INTERNAL.format(request_id=request_id))
