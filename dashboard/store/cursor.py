"""Cursors: opaque, versioned, signed texts that say where in which list a reader stands.

A cursor holds a position (any small JSON value) and is bound to its scope: the list, its filters and its order, as one
text. Only the position travels; the scope goes into the signature, so that a cursor under other filters is as forged as
any other.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from functools import lru_cache
from typing import Any

import msgspec
from django.conf import settings

from dashboard.errors import CursorInvalid

#: First byte of every cursor; another layout gets another number, and old cursors are refused instead of misread.
VERSION = b"\x02"
#: Bytes of the signature kept: 96 bits cannot be guessed, and a cursor stays short in an address.
SIGNATURE_BYTES = 12
#: Longest cursor that is looked at; a configHash of the greatest length fits with room to spare.
MAX_LENGTH = 2048
#: The last two letters of base64 as they stand in addresses.
_FOR_ADDRESSES = bytes.maketrans(b"+/", b"-_")

_REFUSAL = (
    "not a cursor of this list under these filters and this order; start without a cursor, or use one it answered"
)


def encode(position: Any, *, scope: str) -> str:
    """Return the cursor for a position in the list that `scope` names."""
    body = VERSION + msgspec.json.encode(position)
    return _text_of(_sign(body, scope) + body)


def decode(text: str, *, scope: str) -> Any:
    """Return the position of a cursor. Raises CursorInvalid unless it was made by `encode` for this scope."""
    if len(text) > MAX_LENGTH or not text.isascii():
        raise CursorInvalid(_REFUSAL)
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise CursorInvalid(_REFUSAL) from None
    signature, body = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
    # Base64 has several spellings of the same bytes; only ours is taken.
    if not (_text_of(raw) == text and body[:1] == VERSION and hmac.compare_digest(signature, _sign(body, scope))):
        raise CursorInvalid(_REFUSAL)
    return msgspec.json.decode(body[1:])


def _text_of(raw: bytes) -> str:
    """Return bytes in letters that an address may hold as they are."""
    return binascii.b2a_base64(raw, newline=False).translate(_FOR_ADDRESSES, b"=").decode()


def _sign(body: bytes, scope: str) -> bytes:
    signer = _signer(settings.SECRET_KEY, scope).copy()
    signer.update(body)
    return signer.digest()


@lru_cache(4096)
def _signer(secret: str, scope: str) -> hashlib.blake2b:
    """Return what signs the cursors of a list, the scope already taken in."""
    text = scope.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(len(text).to_bytes(4, "big") + text, key=_key(secret), digest_size=SIGNATURE_BYTES)


@lru_cache(4)
def _key(secret: str) -> bytes:
    return hashlib.blake2b(secret.encode(), person=b"cursor key", digest_size=32).digest()
