"""Cursors: only ours, only whole, only in the list they were made for; anything else is refused in one way."""

from __future__ import annotations

import base64
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.errors import CursorInvalid
from dashboard.store.cursor import MAX_LENGTH, SIGNATURE_BYTES, VERSION, decode, encode

SCOPE = '["bots","BTC:1h:1:2",[],null,null,"-profit"]'
POSITION = [0, 1, "12.5", "run-1"]
CURSOR = encode(POSITION, scope=SCOPE)
ALPHABET = string.ascii_letters + string.digits + "-_"


def refused(text: str, scope: str = SCOPE) -> None:
    with pytest.raises(CursorInvalid) as caught:
        decode(text, scope=scope)
    assert caught.value.name == "cursor" and "start without a cursor" in str(caught.value)
    assert len(str(caught.value)) < 200


@given(st.recursive(st.none() | st.integers(-(2**60), 2**60) | st.text(max_size=8), st.lists, max_leaves=5), st.text())
def test_a_position_comes_back_in_its_scope_alone(position: Any, scope: str) -> None:
    cursor = encode(position, scope=scope)
    assert decode(cursor, scope=scope) == position
    assert set(cursor) <= set(ALPHABET)
    refused(cursor, scope + " ")


def test_a_cursor_of_another_list_or_order_is_refused() -> None:
    for scope in (SCOPE.replace("-profit", "profit"), SCOPE.replace("bots", "trades"), "", SCOPE * 2):
        refused(CURSOR, scope)


def test_another_secret_key_makes_other_cursors(settings: Any) -> None:
    settings.SECRET_KEY = "another key, of the same kind as the first"
    refused(CURSOR)


@pytest.mark.parametrize("length", range(len(CURSOR)))
def test_a_cut_cursor_is_refused(length: int) -> None:
    refused(CURSOR[:length])


@pytest.mark.parametrize("extra", ["A", "=", "==", "\n", " ", ".", "AAAA", "\x00", "ä", "%3D"])
def test_a_lengthened_cursor_is_refused(extra: str) -> None:
    refused(CURSOR + extra)
    refused(extra + CURSOR)


def test_every_changed_letter_is_noticed() -> None:
    for place, letter in enumerate(CURSOR):
        for other in ("A", "b", "_"):
            if other != letter:
                refused(CURSOR[:place] + other + CURSOR[place + 1 :])


def test_another_spelling_of_the_same_bytes_is_refused() -> None:
    cursor = next(
        found for number in range(9) if len(found := encode([number] * (number + 1), scope=SCOPE)) % 4 in (2, 3)
    )
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    spellings = [cursor[:-1] + letter for letter in ALPHABET if letter != cursor[-1]]
    same = [one for one in spellings if base64.urlsafe_b64decode(one + "=" * (-len(one) % 4)) == raw]
    assert same
    for one in same:
        refused(one)


def test_a_cursor_of_another_layout_is_refused() -> None:
    raw = base64.urlsafe_b64decode(CURSOR + "=" * (-len(CURSOR) % 4))
    assert raw[SIGNATURE_BYTES : SIGNATURE_BYTES + 1] == VERSION
    other = raw[:SIGNATURE_BYTES] + b"\x01" + raw[SIGNATURE_BYTES + 1 :]
    refused(base64.urlsafe_b64encode(other).decode().rstrip("="))


def test_a_cursor_of_the_longest_hash_is_short_enough() -> None:
    cursor = encode([1, 1, "-1.2345678901234567e+300", "\xff" * 200], scope=SCOPE)
    assert len(cursor) <= MAX_LENGTH
    assert decode(cursor, scope=SCOPE)[3] == "\xff" * 200
    refused("A" * (MAX_LENGTH + 1))


@given(st.text(max_size=100) | st.text(ALPHABET, max_size=100) | st.binary(max_size=60).map(
    lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("=")
))  # fmt: skip
def test_nothing_made_up_is_taken(text: str) -> None:
    refused(text)
