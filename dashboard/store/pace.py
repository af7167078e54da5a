"""How many things a call of a script is handed: fewer while they take the server long, as where its memory is slow."""

from __future__ import annotations


class Pace:
    """A number between `least` and `most`, by how long calls took that were handed so many.

    What the quickest call took counts as the way there and back: fewer at once would not make it shorter.
    """

    def __init__(self, size: int, *, least: int, most: int, long_s: float) -> None:
        self.most, self.least = most, min(least, most)
        self.size = self._first = min(size, most)
        self._long_s, self._quickest_s = long_s, float("inf")

    def took(self, seconds: float) -> None:
        """Take in what a call took: fewer after a long one, as it was too long, a quarter more after a short one."""
        self._quickest_s = min(self._quickest_s, seconds)
        most_s = self._quickest_s + self._long_s
        if seconds > most_s:
            self.size = max(self.least, int(self.size * most_s / seconds))
        elif seconds < most_s - self._long_s / 2:
            self._grow()

    def took_less(self, seconds: float) -> None:
        """Take in that the answer was there already after so long, when it was looked for.

        Where that may have been a long call, the next ones are no larger than the first was: who is that slow himself
        gains nothing by more.
        """
        self._quickest_s = min(self._quickest_s, seconds)
        if seconds < self._quickest_s + self._long_s / 2:
            self._grow()
        else:
            self.size = min(self.size, max(self._first, self.size * 4 // 5))

    def _grow(self) -> None:
        self.size = min(self.most, max(self.size + 1, self.size * 5 // 4))
