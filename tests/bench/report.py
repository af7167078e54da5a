"""What was measured, as one table and as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.bench.timing import Samples

HEADINGS = ("", "measured p50 / p95", "against", "its p50 / p95", "ratio", "goal", "")


@dataclass(frozen=True)
class Goal:
    """A bound: `<=` or `>=`, of the ratio or, where there is none, of the value itself."""

    sign: str
    bound: float

    def holds(self, value: float) -> bool:
        return value <= self.bound if self.sign == "<=" else value >= self.bound

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:,g}"


def at_most(bound: float) -> Goal:
    return Goal("<=", bound)


def at_least(bound: float) -> Goal:
    return Goal(">=", bound)


@dataclass(frozen=True)
class Row:
    """One line of the table: values are in `unit`, the reference's in the same."""

    section: str
    name: str
    unit: str
    value: float
    value_p95: float | None = None
    against: str = ""
    reference: float | None = None
    reference_p95: float | None = None
    ratio: float | None = None
    goal: Goal | None = None

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        return "ok" if self.goal.holds(self.value if self.ratio is None else self.ratio) else "MISSED"

    def cells(self) -> tuple[str, ...]:
        """Return what stands in the table's columns."""
        return (
            self.name,
            pair(self.value, self.value_p95, self.unit),
            self.against,
            "" if self.reference is None else pair(self.reference, self.reference_p95, self.unit),
            "" if self.ratio is None else f"{self.ratio:.2f}",
            "" if self.goal is None else str(self.goal),
            self.verdict,
        )


@dataclass
class Report:
    """Every line of a run; printed as it comes, so that a long one can be watched."""

    rows: list[Row] = field(default_factory=list)
    section: str = ""

    def begin(self, section: str) -> None:
        """Open a part of the table."""
        self.section = section

    def compare(
        self, name: str, samples: Samples, *, against: str, reference: Samples, goal: Goal | None = None
    ) -> None:
        """Add the time of one call over the time of another from the same rounds."""
        self.rows.append(
            Row(
                self.section, name, "ms", samples.p50 * 1e3, samples.p95 * 1e3, against, reference.p50 * 1e3,
                reference.p95 * 1e3, samples.over(reference), goal,
            )
        )  # fmt: skip

    def rate(self, name: str, value: float, *, against: str, reference: float, goal: Goal | None = None) -> None:
        """Add a speed in things a second over another."""
        self.rows.append(Row(self.section, name, "/s", value, None, against, reference, None, value / reference, goal))

    def rates(
        self, name: str, samples: Samples, *, things: int, against: str, reference: Samples, goal: Goal | None = None
    ) -> None:
        """Add the speed of a way over another's in the same rounds, of so many things each."""
        values = samples.rate(things), None, against, reference.rate(things), None, reference.over(samples)
        self.rows.append(Row(self.section, name, "/s", *values, goal))

    def value(self, name: str, value: float, unit: str, *, goal: Goal | None = None) -> None:
        """Add a figure that stands for itself."""
        self.rows.append(Row(self.section, name, unit, value, goal=goal))

    def time(self, name: str, samples: Samples, *, goal: Goal | None = None) -> None:
        """Add a time that stands for itself; the goal is in milliseconds, of the median."""
        self.rows.append(Row(self.section, name, "ms", samples.p50 * 1e3, samples.p95 * 1e3, goal=goal))

    def share(self, name: str, value: float, whole: float, *, against: str, goal: Goal | None = None) -> None:
        """Add a number of bytes as a part of another."""
        self.rows.append(Row(self.section, name, "B", value, None, against, whole, None, value / whole, goal))

    def table(self) -> str:
        """Return the aligned table."""
        cells = [row.cells() for row in self.rows]
        widths = [max(len(row[column]) for row in [HEADINGS, *cells]) for column in range(len(HEADINGS))]
        lines, section = [_line(HEADINGS, widths)], None
        for row, texts in zip(self.rows, cells, strict=True):
            if row.section != section:
                section = row.section
                lines += ["", section]
            lines.append(_line(texts, widths))
        missed = [f"{row.section}: {row.name or row.against}" for row in self.rows if row.verdict == "MISSED"]
        told = [f"{sum(row.verdict == 'ok' for row in self.rows)} goals met, {len(missed)} missed."]
        return "\n".join([*lines, "", *told, *(f"  missed: {name}" for name in missed)])

    def write(self, path: Path, conditions: Mapping[str, object]) -> None:
        """Store the figures as JSON."""
        rows = [asdict(row) | {"goal": str(row.goal or ""), "verdict": row.verdict} for row in self.rows]
        path.write_text(json.dumps({"conditions": dict(conditions), "rows": rows}, indent=1) + "\n")


def machine() -> dict[str, object]:
    """Return what the figures were measured on."""
    return {"cores": os.cpu_count(), "python": platform.python_version(), "load": round(os.getloadavg()[0], 1)}


def _line(texts: tuple[str, ...], widths: list[int]) -> str:
    is_left = (True, False, True, False, False, True, True)
    aligned = (
        text.ljust(width) if left else text.rjust(width)
        for text, width, left in zip(texts, widths, is_left, strict=True)
    )
    return "  ".join(aligned).rstrip()


def pair(value: float, p95: float | None, unit: str) -> str:
    """Return a figure, or a median and what 95 % stay below, with the unit."""
    if unit == "ms":
        return f"{value:.3f} / {p95:.3f} ms" if p95 is not None else f"{value:.1f} ms"
    if unit in ("B", "/s"):
        return f"{value:,.0f}{unit}" if unit == "/s" else f"{value:,.0f} B"
    return f"{value:,.{0 if value >= 100 else 2}f} {unit}"
