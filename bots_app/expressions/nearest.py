"""Which field may have been meant."""

from __future__ import annotations

from collections.abc import Collection
from difflib import SequenceMatcher

#: Names that are offered at most.
MOST_OFFERED = 3
#: From here on two names are alike: two letters in five may differ.
LEAST_LIKENESS = 0.6
#: Letters of a name that are looked at, its last ones: comparing takes time with the square of them.
MOST_LETTERS = 80
#: What the likeness of two last parts counts, whatever stands before them.
END_COUNTS = 0.9


def nearest_names(name: str, known: Collection[str]) -> list[str]:
    """Return the known names nearest to this one, the nearest first, at most three; none where none is alike.

    Upper and lower case are the same here, and `fast` is as near to `config.fast` as to `fast`; `config.fast` is nearly
    as near to `config.strategy.fast`, and so nearer than to `config.slow`. Of two that are as near the shorter comes
    first.
    """
    asked = _letters(name)
    whole, end = _matcher(asked), _matcher(_end(asked)) if "." in asked else None
    ranked = sorted((*_unlikeness(whole, end, candidate), len(candidate), candidate) for candidate in known)
    return [candidate for unlikeness, *_, candidate in ranked[:MOST_OFFERED] if -unlikeness >= LEAST_LIKENESS]


def _letters(name: str) -> str:
    return name.casefold()[-MOST_LETTERS:]


def _end(letters: str) -> str:
    return letters.rpartition(".")[2]


def _matcher(letters: str) -> SequenceMatcher[str]:
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(letters)
    return matcher


def _unlikeness(
    whole: SequenceMatcher[str], end: SequenceMatcher[str] | None, candidate: str
) -> tuple[float, float]:  # fmt: skip
    """Return how alike a candidate is, or its last part alone, as -1 for the same and 0 for what is not alike.

    Then the same without regard to the last part of the name alone.
    """
    letters = _letters(candidate)
    best = max(_ratio(whole, part) for part in {letters, _end(letters)})
    return (-best if end is None else min(-best, -END_COUNTS * _ratio(end, _end(letters)))), -best


def _ratio(matcher: SequenceMatcher[str], part: str) -> float:
    matcher.set_seq1(part)
    is_near = matcher.real_quick_ratio() >= LEAST_LIKENESS and matcher.quick_ratio() >= LEAST_LIKENESS
    return matcher.ratio() if is_near else 0.0
