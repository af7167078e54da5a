"""From the text of an expression to its tokens, one at a time, so that the first mistake is the one that is told."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from bots_app.expressions.errors import InvalidExpression, character_name, shown

KEYWORDS = frozenset({"and", "or", "not", "in", "is", "missing", "true", "false"})
NAME, NUMBER, TEXT, END = "name", "number", "text", "end"

PLAIN_NAME = re.compile(r"[^\W\d]\w*(?:\.\w+)*")
#: Each alternative can match in one way only: no input makes it go back and forth. What others write for our symbols
#: comes before them, or `=>` were read as `=` and `>`.
_PATTERN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    rf"|(?P<name>{PLAIN_NAME.pattern})"
    r"|(?P<foreign>\*\*|&&|\|\||<>|=>|=<|<<|>>|//)"
    r"|(?P<symbol>\.\.|==|!=|<=|>=|[-=<>+*/(),])"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<backquoted>`(?:[^`]|``)*`)"
    r"|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "t": "\t", "r": "\r"}
_WRITTEN = {value: f"\\{letter}" for letter, value in _ESCAPED.items() if value != '"'}

#: What is written elsewhere, and what to write here.
_HINTS = {
    "**": "There are no powers: write x * x.",
    "^": "There are no powers: write x * x.",
    "//": "A division is written /.",
    "%": "There are no percentages: 20 % is 0.2.",
    "≥": "Write >=.",
    "≤": "Write <=.",
    "≠": "Write !=.",
    "−": "Write -.",
    "×": "Write *.",
    "÷": "Write /.",
    ":": "A range is written 5..20.",
    "[": "A list stands in round brackets: in (5, 8).",
    "{": "A list stands in round brackets: in (5, 8).",
    "\\": "It has a meaning inside quotes only.",
} | {
    letter: word
    for letters, word in {
        ("&&", "&"): "Write and.",
        ("||", "|"): "Write or.",
        ("!", "~", "¬"): "Write not, or != for unequal.",
        ("<>",): "Write !=.",
        ("=>",): "Write >=.",
        ("=<",): "Write <=.",
        ("“", "”", "„", "‘", "’", "«", "»"): "A text stands in 'single' or \"double\" quotes.",
    }.items()
    for letter in letters
}


class Token(NamedTuple):
    """One word, number or symbol: `kind` is a symbol or keyword itself, or NAME, NUMBER, TEXT, END."""

    kind: str
    value: str | float
    start: int
    end: int


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of the text, END last and for ever; raises InvalidExpression at what is none."""
    position = 0
    while position < len(text):
        match = _PATTERN.match(text, position)
        if match is None:
            raise _no_token(text, position)
        start, position = position, match.end()
        if match.lastgroup != "space":
            yield _token(str(match.lastgroup), match.group(), start, position)
    while True:
        yield Token(END, "", len(text), len(text))


def _token(group: str, word: str, start: int, end: int) -> Token:
    """Return the token that a match stands for."""
    if group == "foreign":
        raise _unknown(start, len(word), shown(word), _HINTS.get(word, ""))
    if group == "name":
        keyword = word.lower()
        return Token(keyword if keyword in KEYWORDS else NAME, word, start, end)
    if group == "number":
        return Token(NUMBER, _number(word, start), start, end)
    if group == "backquoted":
        return Token(NAME, _field_name(word, start), start, end)
    if group == "text":
        return Token(TEXT, _unquoted(word, start), start, end)
    return Token("=" if word == "==" else word, word, start, end)


def _number(word: str, start: int) -> float:
    number = float(word)
    if not math.isfinite(number):
        expected = "a number below 1.8e308"
        raise InvalidExpression(start, len(word), found=shown(word), expected=expected)
    return number


def _field_name(word: str, start: int) -> str:
    name = word[1:-1].replace("``", "`")
    if not name:
        raise InvalidExpression(start, len(word), found=shown(word), expected="a field's name between the backquotes")
    _refuse_halves(word, start)
    return name


def _unquoted(word: str, start: int) -> str:
    """Return the text between the quotes; a backslash stands before a quote, a backslash, n, t or r alone."""
    _refuse_halves(word, start)
    for match in _ESCAPE.finditer(word):
        if match[1] not in _ESCAPED:
            expected = "one of \\' \\\" \\\\ \\n \\t \\r"
            hint = "A backslash that means itself is written twice."
            raise InvalidExpression(start + match.start(), 2, found=shown(match[0]), expected=expected, hint=hint)
    return _ESCAPE.sub(lambda match: _ESCAPED[match[1]], word[1:-1])


def _refuse_halves(word: str, start: int) -> None:
    """Refuse halves of a character (lone surrogates): they are no Unicode, and no cursor or answer could hold them."""
    for offset, letter in enumerate(word):
        if unicodedata.category(letter) == "Cs":
            raise _unknown(start + offset, 1, character_name(letter), "")


def _no_token(text: str, position: int) -> InvalidExpression:
    """Return what is to be said of a character with which no token begins."""
    letter = text[position]
    rest = len(text) - position
    if letter in "'\"":
        return InvalidExpression(position, rest, found="a text without an end", expected=f"a closing {letter}")
    if letter == "`":
        return InvalidExpression(position, rest, found="a name without an end", expected="a closing backquote `")
    is_word = letter.isalnum() or unicodedata.category(letter).startswith("M")
    hint = _HINTS.get(letter, "A field's name with such characters stands in `backquotes`." if is_word else "")
    return _unknown(position, 1, character_name(letter), hint)


def _unknown(position: int, length: int, found: str, hint: str) -> InvalidExpression:
    expected = "a field, a number, a text in quotes, a bracket or an operator"
    return InvalidExpression(position, length, found=found, expected=expected, hint=hint)


def quoted_name(name: str) -> str:
    """Return a field's name as an expression has to write it: in backquotes unless it is plain."""
    if PLAIN_NAME.fullmatch(name) and name.lower() not in KEYWORDS:
        return name
    return f"`{name.replace('`', '``')}`"


def quoted_text(text: str) -> str:
    """Return a text as an expression can write it."""
    return "'" + "".join(_WRITTEN.get(letter, letter) for letter in text) + "'"
