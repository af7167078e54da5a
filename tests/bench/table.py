"""`python -m tests.bench.table FIGURES...`: runs of the benchmark side by side, as the README shows them."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.report import pair

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
_NUMBER = re.compile(r"\d[\d,.]*")
#: What was being done when a command took longest, which is something else each time.
_PART = re.compile(r" \(([a-z ]+(?:; [a-z0-9 ]+)?)\)$")


@dataclass(frozen=True)
class Figures:
    """What one run of the benchmark stored."""

    conditions: dict[str, Any]
    rows: list[dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Figures:
        return cls(**json.loads(path.read_text()))

    @property
    def title(self) -> str:
        return f"{self.conditions['runs']:,} runs"

    def by_key(self) -> dict[tuple[str, ...], dict[str, Any]]:
        """Return the rows by what they are about, whatever numbers their names hold."""
        found, name = {}, ""
        for row in self.rows:
            name = row["name"] or name
            found[row["section"], *(_NUMBER.sub("#", _PART.sub("", text)) for text in (name, row["against"]))] = row
        return found


def lines(runs: Sequence[Figures]) -> list[str]:
    """Return the table of all lines that any of the runs has."""
    found = [run.by_key() for run in runs]
    headings = ["", *(text for run in runs for text in (f"{run.title}: p50 / p95", "ratio")), "against", "goal", ""]
    table: list[list[str]] = [headings]
    section = ""
    for key in ordered(found):
        rows = [rows.get(key) for rows in found]
        if key[0] != section:
            section = key[0]
            table += [[], [section]]
        table.append(cells(rows, runs))
    widths = [max(len(row[at]) for row in table if len(row) > 1) for at in range(len(headings))]
    return ["  ".join(aligned(row, widths)).rstrip() for row in table]


def ordered(found: Iterable[dict[tuple[str, ...], Any]]) -> list[tuple[str, ...]]:
    """Return every key once, sections together, in the order of the first run that has it."""
    keys = list(dict.fromkeys(key for rows in found for key in rows))
    sections = list(dict.fromkeys(key[0] for key in keys))
    return sorted(keys, key=lambda key: sections.index(key[0]))


def cells(rows: Sequence[dict[str, Any] | None], runs: Sequence[Figures]) -> list[str]:
    """Return what stands in the columns of one line."""
    there = [row for row in rows if row]
    names, against = ([row[field] for row in there] for field in ("name", "against"))
    goals = list(dict.fromkeys(row["goal"] for row in there if row["goal"]))
    values = []
    for row in rows:
        ratio = row["ratio"] if row else None
        values += [
            pair(row["value"], row["value_p95"], row["unit"]) if row else "", "" if ratio is None else f"{ratio:.2f}"
        ]  # fmt: skip
    missed = [run.title for row, run in zip(rows, runs, strict=True) if row and row["verdict"] == "MISSED"]
    verdict = "" if not goals else "ok" if not missed else f"MISSED at {' and '.join(missed)}"
    return [joined(names), *values, joined(against), " | ".join(goals), verdict]


def joined(texts: Sequence[str]) -> str:
    """Return a text of all runs; numbers that differ stand beside each other."""
    if len({*texts}) == 1:
        return texts[0]
    numbers = iter([list(dict.fromkeys(found)) for found in zip(*map(_NUMBER.findall, texts), strict=False)])
    shown = _NUMBER.sub(lambda match: "/".join(next(numbers, [match[0]])), texts[0])
    parts = list(dict.fromkeys(match[1] for text in texts if (match := _PART.search(text))))
    return _PART.sub(f" ({', '.join(parts)})", shown)


def aligned(row: list[str], widths: list[int]) -> list[str]:
    """Return the cells padded; numbers stand to the right."""
    if len(row) < 2:
        return row
    last = len(row) - 3
    return [
        text.rjust(width) if 0 < at < last else text.ljust(width)
        for at, (text, width) in enumerate(zip(row, widths, strict=True))
    ]


def block(runs: Sequence[Figures]) -> str:
    """Return the table as Markdown, with what it was measured on."""
    conditions = [" ".join(f"{name}: {value}" for name, value in run.conditions.items()) for run in runs]
    return "\n".join(["```", *conditions, "", *lines(runs), "```"])


def main() -> int:
    """Print the table, or put it into the README."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.table", description=__doc__)
    parser.add_argument("figures", nargs="+", type=Path, help="what `python -m tests.bench --json` has stored")
    parser.add_argument("--peers", type=Path, help="what `python -m tests.bench.peers --json` has stored")
    parser.add_argument("--write", action="store_true", help="put it into tests/bench/README.md instead of printing it")
    options = parser.parse_args()
    text = block([Figures.read(path) for path in options.figures])
    if options.peers:
        peers = block([Figures.read(options.peers)])
        text += f"\n\nBeside Postgres and MLflow (`python -m tests.bench.peers --mlflow`):\n\n{peers}"
    if not options.write:
        print(text)
        return 0
    before, begin, rest = README.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        parser.error(f"{README.name} lacks the lines {BEGIN} and {END}, which the table goes between")
    README.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
