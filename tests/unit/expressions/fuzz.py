"""Inputs nobody would write: none may raise anything but InvalidExpression, warn, or take long.

python -m tests.unit.expressions.fuzz 1000000 --seed 1
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from random import Random

import numpy as np

from bots_app.expressions import InvalidExpression, parse
from bots_app.expressions.limits import MOST_CHARACTERS
from bots_app.table.values import bits_of

VALID = (
    "sharpeRatio > 1 and config.fast in (5, 8) and not (maxDrawdown > 0.3 or totalTrades < 30)",
    "totalProfit / maxDrawdown > 3 or -profit * 2 - (1 - winRate) <= 1e-3",
    "config.type = 'tre\\'nd' and config.name not in (\"a\", 'b', true) and 5 <= config.fast < config.slow != 20",
    "`max drawdown` is not missing and `x``y` in -5..20 or größe is missing",
    "not not (a + b) * c / d - -e not in 1..2",
)
WORDS = (
    *("..", "==", "!=", "<=", ">=", "**", *"(()),=<>+-*/;:'\"`\\&|!%[]{}.$#@~^?_"),
    *("and", "or", "not", "in", "is", "missing", "true", "false", "AND", "Not", "lambda", "null", "__import__"),
    *("0", "1", "5", "20", "1.5", ".5", "1e-3", "1e308", "1e999", "0x1", "5..8", "'text'", '"text"', "''", "'it\\'s'"),
    *("a", "b", "profit", "config.fast", "sharpeRatio.__class__", "größe", "`max drawdown`", "`in`"),
    *("\t", "\n", "\x00", "\u202e", "\u00a0", "\ufeff", "\ud800", "é", "e\u0301", "٣", "²", "😀", "≥", "“"),
)
SPACES = ("", " ", " ", " ", "  ", "\n")
#: What most characters of random texts are taken from; the others are any of Unicode.
TYPED = "abcxyz_.0123456789 ()'\"`\\=!<>+-*/,\n\tandornotinis"
VALUES = (None, 0.0, -0.0, 1.0, -5.0, 20.0, 1e308, -1e308, 1e-308, "text", "it's", "", True, False)


def texts(random: Random) -> Iterator[str]:
    """Yield inputs without end: random characters, random words, broken expressions."""
    while True:
        yield "".join(character(random) for _ in range(random.randint(0, 40)))
        length = random.choice([3, 8, 20, 20, 400])
        yield "".join(random.choice(WORDS) + random.choice(SPACES) for _ in range(random.randint(1, length)))
        yield broken(random, random.choice(VALID))
        yield " and ".join(broken(random, random.choice(VALID)) for _ in range(random.randint(1, 3)))


def character(random: Random) -> str:
    return random.choice(TYPED) if random.random() < 0.8 else chr(random.randrange(sys.maxunicode + 1))


def broken(random: Random, text: str) -> str:
    """Return the text with a few things left out, put in, doubled or replaced; seldom as it is."""
    for _ in range(random.randint(0, 4)):
        start = random.randint(0, len(text))
        end = min(len(text), start + random.choice([0, 1, 1, 2, 8]))
        put = random.choice(["", random.choice(WORDS), character(random), text[start:end] * 2, f"({text[start:end]})"])
        text = text[:start] + put + text[end:]
    return text


class Examiner:
    """Tries inputs and keeps count of how they ended."""

    def __init__(self) -> None:
        bits = np.array([bits_of(value) for value in VALUES], dtype=np.uint64)
        self.columns = [np.roll(bits, shift).view(np.float64) for shift in range(len(bits))]
        self.counts: Counter[str] = Counter()
        self.slowest = (0.0, "")

    def column(self, name: str) -> np.ndarray:
        return self.columns[len(name) % len(self.columns)]

    def examine(self, text: str) -> None:
        """Try one input; raises AssertionError or whatever else it brings about."""
        begun = time.thread_time()
        try:
            self.evaluate(text)
            self.counts["understood"] += 1
        except InvalidExpression as error:
            self.counts["refused"] += 1
            assert 0 <= error.position <= error.position + error.length <= len(text)
            message = str(error)
            assert message.encode(), "no answer could carry the message"
            assert message.isprintable(), "it holds characters that hide or turn text"
            assert len(message) < 400
        took = time.thread_time() - begun
        self.slowest = max(self.slowest, (took, text))

    def evaluate(self, text: str) -> None:
        expression = parse(text)
        mask = expression.mask(self.column)
        assert mask.shape == (len(VALUES),)
        assert mask.dtype == np.bool_
        assert expression.canonical.encode()
        if len(expression.canonical) <= MOST_CHARACTERS:
            again = parse(expression.canonical)
            assert again.canonical == expression.canonical
            assert again.fields == expression.fields
            assert np.array_equal(again.mask(self.column), mask)
        expression.check(expression.fields)
        self.counts["fields"] += len(expression.fields)
        if len(text) % 10 == 0:
            expression.check({"profit", "config.fast", "sharpeRatio"})


def fuzz(number: int, seed: int) -> Examiner:
    """Try so many inputs; what one of them raises is raised with the input in its notes."""
    examiner = Examiner()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for text, _ in zip(texts(Random(seed)), range(number), strict=False):
            try:
                examiner.examine(text)
            except Exception as error:
                error.add_note(f"the input was {text!r}")
                raise
    return examiner


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("number", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begun = time.perf_counter()
    examiner = fuzz(options.number, options.seed)
    took, text = examiner.slowest
    sys.stdout.write(
        f"{options.number:,} inputs in {time.perf_counter() - begun:.0f} s: {dict(examiner.counts)}\n"
        f"slowest: {1000 * took:.1f} ms for {text!r}\n"
    )


if __name__ == "__main__":
    main()
