"""What is checked before a run is written: strict, so that what we store every program can read. No Redis, no HTTP."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable
from typing import Any

import msgspec

from bots_app.records import BacktestRunRecord, run_of
from bots_app.table.layouts import LaidOut, laid_out
from dashboard.errors import InvalidRecord
from dashboard.tolerant import NOT_STRICT, NotJsonError, parse_json, parse_strict, to_ms, to_text

#: Longest configHash that is written: it stands in every index.
MAX_HASH_LENGTH = 200
#: Longest status that is written: each has keys of its own.
MAX_STATUS_LENGTH = 64
#: Nearly every hash there is, and beyond doubt.
_PLAIN_HASH = re.compile(r"[0-9A-Za-z_-]+")
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class RunWrite(msgspec.Struct, frozen=True):
    """A record fit to be stored: `text` as it goes into Redis, `trades` a JSON array or None to leave what is there."""

    record: BacktestRunRecord
    text: bytes
    trades: bytes | None = None
    #: The record with its layout, which is quickly found while it has just been read; None where it has none.
    laid_out: LaidOut | None = None

    @classmethod
    def parse(cls, value: bytes | dict[str, Any], *, config_hash: str | None = None) -> RunWrite:
        """Check a record, given as JSON text or as a value. Raises InvalidRecord, which names the field.

        Fields that we do not know are stored letter for letter. `trades`, if there, is taken out, for a key of its own.
        `config_hash` is what the record must be about; a record may then leave its own out.
        """
        text = value if isinstance(value, bytes) else _encode(value)
        raw, tree = _split(text)
        if config_hash is not None and "configHash" not in tree:
            raw["configHash"] = tree["configHash"] = config_hash
        _check(tree, config_hash)
        if tree.get("lastUpdated") is None:
            raw["lastUpdated"] = tree["lastUpdated"] = time.time_ns() // 1_000_000
        trades = raw.pop("trades", None) if isinstance(tree.pop("trades", None), list) else None
        raw.pop("trades", None)
        text = msgspec.json.encode(raw)
        record = run_of(tree["configHash"], tree, text)
        return cls(record, text, None if trades is None else msgspec.json.encode(trades), laid_out(record))


def _encode(value: object) -> bytes:
    if not isinstance(value, dict):
        raise InvalidRecord(f"a record is a JSON object, not {_kind(value)}")
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRecord(f"the record cannot be written as JSON: {error}") from None


def _split(text: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the record's fields as raw text and as values; NaN and the like, no JSON at all, become null in both."""
    try:
        value = parse_strict(text)
        if isinstance(value, dict):
            return _FIELDS.decode(text), value
    except NOT_STRICT:
        pass
    try:
        tree = parse_json(text)
    except NotJsonError as error:
        raise InvalidRecord(f"the record is no JSON: {error}") from None
    if not isinstance(tree, dict):
        raise InvalidRecord(f"a record is a JSON object, not {_kind(tree)}")
    return dict(tree), tree


def _check(tree: dict[str, Any], config_hash: str | None) -> None:
    own = tree.get("configHash")
    check_hash(own)
    if config_hash is not None and own != config_hash:
        raise InvalidRecord(f"configHash: {own!r} in the record, {config_hash!r} in the address; they must be the same")
    status = tree.get("status")
    if not isinstance(status, str) or not status.strip() or len(status) > MAX_STATUS_LENGTH:
        raise InvalidRecord(
            f"status: {_shown(status)}; give a text of 1 to {MAX_STATUS_LENGTH} letters, "
            "such as completed, running or failed"
        )
    for name, is_fit, wanted in _FITS:
        if (value := tree.get(name)) is not None and not is_fit(value):
            raise InvalidRecord(f"{name}: {_shown(value)}; give {wanted}")


def check_hash(value: object) -> None:
    """Raise InvalidRecord unless the value can be a configHash.

    It stands in keys and addresses, so that it holds no colon and no slash.
    """
    if not isinstance(value, str) or not value:
        raise InvalidRecord(f"configHash: {_shown(value)}; give a text of 1 to {MAX_HASH_LENGTH} letters")
    if len(value) > MAX_HASH_LENGTH:
        raise InvalidRecord(f"configHash: {len(value)} letters; {MAX_HASH_LENGTH} are the most")
    if _PLAIN_HASH.fullmatch(value):
        return
    bad = next((letter for letter in value if letter in ":/{}" or unicodedata.category(letter)[0] == "C"), None)
    if bad is not None or value != value.strip() or value in (".", ".."):
        raise InvalidRecord(
            f"configHash: {_shown(value)}; colons, slashes, braces, control characters and outer spaces cannot be used"
        )


def _is_list_of(kind: type, value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


#: What the fields must be, where they are there.
_FITS: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("resultsMetadata", lambda value: isinstance(value, dict), "an object"),
    ("configuration", lambda value: isinstance(value, dict), "an object"),
    ("trades", lambda value: _is_list_of(dict, value), "an array of objects"),
    ("lastUpdated", lambda value: to_ms(value) is not None, "a time: a number (s, ms, us or ns) or ISO 8601"),
    ("botId", lambda value: to_text(value) is not None, "a text"),
    ("notes", lambda value: isinstance(value, str), "a text"),
    ("tags", lambda value: _is_list_of(str, value), "an array of texts"),
)


def _kind(value: object) -> str:
    names = {type(None): "null", bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "an array"}
    return names.get(type(value), type(value).__name__)


def _shown(value: object) -> str:
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
