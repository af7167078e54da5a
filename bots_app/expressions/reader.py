"""The tokens of one expression, read one after the other, and how the place is told at which reading stops."""

from __future__ import annotations

from typing import NoReturn

from bots_app.expressions.errors import InvalidExpression, shown
from bots_app.expressions.limits import MOST_CHARACTERS
from bots_app.expressions.tokens import Token, tokens


class Reader:
    """Holds the next token of a text; a text that is too long is refused before it is looked at."""

    def __init__(self, text: str) -> None:
        if len(text) > MOST_CHARACTERS:
            found, most = f"{len(text):,} characters", f"at most {MOST_CHARACTERS:,}"
            raise InvalidExpression(MOST_CHARACTERS, len(text) - MOST_CHARACTERS, found=found, expected=most)
        self._text = text
        self._tokens = tokens(text)
        self._token = next(self._tokens)
        self._end_of_last = 0

    def _advance(self) -> Token:
        """Return the next token and go on to the one after it."""
        token, self._token = self._token, next(self._tokens)
        self._end_of_last = token.end
        return token

    def _refuse(self, expected: str, *, found: str = "", hint: str = "") -> NoReturn:
        """Refuse the next token."""
        start, end = self._token.start, self._token.end
        found = found or (shown(self._text[start:end]) if start < end else "the end")
        raise InvalidExpression(start, end - start, found=found, expected=expected, hint=hint)

    def _refuse_span(self, start: int, expected: str, *, hint: str = "") -> NoReturn:
        """Refuse what has been read from here on."""
        end = self._end_of_last
        raise InvalidExpression(start, end - start, found=shown(self._text[start:end]), expected=expected, hint=hint)
