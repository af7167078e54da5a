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


def nearest_names(name: str, known: Collection[str]) -> list[str]:
    """Return the known names nearest to this one, the nearest first, at most three; none where none is alike.

    Upper and lower case are the same here, and `fast` is as near to `config.fast` as to `fast`; of two that are as near
    the shorter comes first.
    """
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(name.casefold()[-MOST_LETTERS:])
    ranked = sorted((-_likeness(matcher, candidate), len(candidate), candidate) for candidate in known)
    return [candidate for likeness, _, candidate in ranked[:MOST_OFFERED] if -likeness >= LEAST_LIKENESS]


def _likeness(matcher: SequenceMatcher[str], candidate: str) -> float:
    """Return how alike a candidate is, or its last part alone: 1 for the same, 0 for what is not alike."""
    whole = candidate.casefold()[-MOST_LETTERS:]
    best = 0.0
    for part in {whole, whole.rpartition(".")[2]}:
        matcher.set_seq1(part)
        if matcher.real_quick_ratio() >= LEAST_LIKENESS and matcher.quick_ratio() >= LEAST_LIKENESS:
            best = max(best, matcher.ratio())
    return best
