"""What is said of an expression that is not understood."""

from __future__ import annotations

import unicodedata

#: Characters of the expression that a message repeats.
MOST_SHOWN = 40


class InvalidExpression(ValueError):
    """Raised when an expression is not understood: where, what was found there, and what would be right.

    `position` (from 0) and `length` mark the characters at fault, `length` is 0 at the end of the text. `found` is what
    stands there in words fit to be shown, `expected` what could stand there, `hint` a sentence more or nothing, `field`
    the field that is not known if that is what is wrong.
    The text of the error counts characters from 1 and says so.
    """

    def __init__(
        self, position: int, length: int, *, found: str, expected: str, hint: str = "", field: str = ""
    ) -> None:  # fmt: skip
        self.place = f"At character {position + 1} (counted from 1):"
        message = f"{self.place} found {found}, expected {expected}."
        super().__init__(f"{message} {hint}" if hint else message)
        self.position = position
        self.length = length
        self.found = found
        self.expected = expected
        self.hint = hint
        self.field = field


def shown(text: str) -> str:
    """Return a piece of an expression as a message may repeat it: short, quoted, nothing that hides or turns text."""
    short = text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"
    visible = "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in short)
    return f'"{visible}"' if '"' not in visible else f"'{visible}'"


def character_name(letter: str) -> str:
    """Return how a single character is named: by itself and, unless everybody can type it, by its Unicode name."""
    if letter.isascii() and letter.isprintable():
        return shown(letter)
    name = unicodedata.name(letter, "a control character")
    sight = f"{shown(letter)}, " if letter.isprintable() else ""
    return f"{sight}U+{ord(letter):04X} ({name})"
