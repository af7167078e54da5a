"""How bodies are read: bounded, and strict JSON."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from typing import Any, BinaryIO

import msgspec
from django.conf import settings
from django.http import HttpRequest, UnreadablePostError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from dashboard.api.renderers import JSONRenderer
from dashboard.errors import BodyTooLarge

logger = logging.getLogger("dashboard.api")

#: Bytes of an unwanted body that are held at a time.
DRAIN_BYTES = 1 << 16


def read_body(stream: BinaryIO, parser_context: Mapping[str, Any]) -> bytes:
    """Return the whole body. Raises BodyTooLarge before reading one that says it is larger than MAX_BODY_MB."""
    limit = settings.MAX_BODY_BYTES
    declared = parser_context["request"].META.get("CONTENT_LENGTH") or "0"
    if declared.isdigit() and int(declared) > limit:
        raise too_large()
    body = stream.read(limit + 1)
    if len(body) > limit:
        raise too_large()
    return body.removeprefix(b"\xef\xbb\xbf")


def receive_chunks(request: HttpRequest) -> None:
    """Read a body sent in chunks, without a Content-Length, which Django would take for none. Raises BodyTooLarge."""
    meta = request.META
    is_chunked = "chunked" in meta.get("HTTP_TRANSFER_ENCODING", "").lower() and not meta.get("CONTENT_LENGTH")
    if not is_chunked or not meta.get("wsgi.input_terminated"):
        return
    body = meta["wsgi.input"].read(settings.MAX_BODY_BYTES + 1)
    if len(body) > settings.MAX_BODY_BYTES:
        raise too_large()
    meta["CONTENT_LENGTH"] = str(len(body))
    request._stream = io.BytesIO(body)  # type: ignore[attr-defined]


def drain(request: HttpRequest) -> None:
    """Take in what nobody has read of a body within the limit.

    The server closes a connection on a body that was left unread, without saying so: a client that goes on to use it,
    after a 403 say, would find its next request cut off.
    """
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if not declared.isdigit() or int(declared) > settings.MAX_BODY_BYTES:
        return
    try:
        while request.read(DRAIN_BYTES):
            pass
    except UnreadablePostError as error:
        logger.info("a client went away while its body was read: %s", error)


def too_large() -> BodyTooLarge:
    """Return the refusal, which names the limit."""
    return BodyTooLarge(
        f"The body is larger than {settings.MAX_BODY_BYTES // 2**20} MB, the most this server accepts at once."
    )


class JSONParser(BaseParser):
    """Reads one JSON value."""

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(
        self, stream: BinaryIO, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the value. Raises ParseError, BodyTooLarge."""
        try:
            return msgspec.json.decode(read_body(stream, parser_context or {}))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ParseError(f"The body is not JSON: {error}.") from None
        except RecursionError:
            raise ParseError("The body is nested too deep.") from None
