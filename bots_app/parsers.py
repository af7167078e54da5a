"""Bodies of runs: one record, an array, or a line each. Records stay text, so that numbers keep every digit.

A body that is no JSON is refused as a whole; a record that cannot be stored, or a line that is no JSON, alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import msgspec
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from dashboard.api.parsers import read_body
from dashboard.api.renderers import JSONRenderer

#: What JSON takes for white space.
SPACE = b" \t\r\n"


@dataclass(frozen=True)
class Batch:
    """The records of a body, each as JSON text."""

    records: list[bytes]


class RunsParser(BaseParser):
    """Reads a record or an array of records."""

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(
        self, stream: BinaryIO, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Batch:
        """Return the records. Raises ParseError, BodyTooLarge."""
        body = read_body(stream, parser_context or {}).strip(SPACE)
        if not body:
            raise ParseError("The body is empty; send a record, or an array of records.")
        return Batch(split_array(body) if body.startswith(b"[") else [checked(body)])


class RunLinesParser(BaseParser):
    """Reads NDJSON: a record a line, blank lines between them."""

    media_type = "application/x-ndjson"

    def parse(
        self, stream: BinaryIO, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Batch:
        """Return the records, unread. Raises ParseError, BodyTooLarge."""
        lines = (line.strip(SPACE) for line in read_body(stream, parser_context or {}).split(b"\n"))
        if not (records := [line for line in lines if line]):
            raise ParseError("The body is empty; send a record a line.")
        return Batch(records)


def split_array(body: bytes) -> list[bytes]:
    """Return the text of each item of a JSON array."""
    try:
        return [bytes(item) for item in msgspec.json.decode(body, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, RecursionError):
        return _split_slowly(_decoded(body))


def checked(body: bytes) -> bytes:
    """Return the body if it is one JSON value."""
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        text = _decoded(body)
        if _end_of_value(text, 0) != len(text):
            raise ParseError("The body goes on after its end; send lines as application/x-ndjson.") from None
    return body


def _split_slowly(text: str) -> list[bytes]:
    """Return the items of an array that holds what strict JSON does not, such as the NaN that Python writes."""
    items: list[bytes] = []
    at = _skip_space(text, 1)
    is_end = text[at : at + 1] == "]"
    while not is_end:
        end = _end_of_value(text, at)
        items.append(text[at:end].encode())
        at = _skip_space(text, end)
        is_end = text[at : at + 1] == "]"
        if not is_end and text[at : at + 1] != ",":
            raise ParseError(f"The body is not JSON: expected a comma or the end of the array at character {at}.")
        at = at if is_end else _skip_space(text, at + 1)
    if at + 1 != len(text):
        raise ParseError("The body goes on after the end of its array.")
    return items


def _end_of_value(text: str, start: int) -> int:
    try:
        return _decoder.raw_decode(text, start)[1]
    except RecursionError:
        raise ParseError("The body is nested too deep.") from None
    except json.JSONDecodeError as error:
        raise ParseError(f"The body is not JSON: {error.msg} at character {error.pos}.") from None
    except ValueError:
        raise ParseError("The body is not JSON: a number with too many digits.") from None


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise ParseError(f"The body is not UTF-8, at byte {error.start}.") from None


def _skip_space(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t", "\r", "\n"):
        at += 1
    return at


_decoder = json.JSONDecoder()
