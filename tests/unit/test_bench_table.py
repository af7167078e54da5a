"""Runs of the benchmark side by side: what is about the same stands on one line, whatever numbers its name holds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench import table
from tests.bench.report import Report, at_most
from tests.bench.timing import Samples


def stored(path: Path, runs: int, ms: float, *, part: str = "load", extra: bool = False) -> Path:
    report = Report()
    report.begin("Pages")
    report.compare("first", Samples([ms / 1e3]), against="floor", reference=Samples([1e-3]), goal=at_most(2))
    report.compare("", Samples([ms / 1e3]), against=f"of {runs:,}", reference=Samples([ms / 1e3]))
    report.begin("Longest")
    if extra:
        report.value("SCAN (upkeep)", 1, "ms")
    report.value(f"write_runs ({part})", ms, "ms", goal=at_most(20))
    report.write(path, {"runs": runs, "load": 0.1})
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [
        stored(tmp_path / "a.json", 1000, 1.5),
        stored(tmp_path / "b.json", 20_000, 2.5, part="lists beside writes", extra=True),
    ]


def test_lines_of_all_runs_stand_side_by_side(files: list[Path]) -> None:
    found = [" ".join(line.split()) for line in table.lines([table.Figures.read(path) for path in files])]
    assert found == [
        "1,000 runs: p50 / p95 ratio 20,000 runs: p50 / p95 ratio against goal",
        "",
        "Pages",
        "first 1.500 / 1.500 ms 1.50 2.500 / 2.500 ms 2.50 floor <= 2 MISSED at 20,000 runs",
        "1.500 / 1.500 ms 1.00 2.500 / 2.500 ms 1.00 of 1,000/20,000",
        "",
        "Longest",
        "write_runs (load, lists beside writes) 1.5 ms 2.5 ms <= 20 ok",
        "SCAN (upkeep) 1.0 ms",
    ]


def test_it_goes_between_the_marks_of_the_readme(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    monkeypatch.setattr(table, "README", readme)
    monkeypatch.setattr(sys, "argv", ["table", *map(str, files), "--peers", str(files[0]), "--write"])
    assert table.main() == 0
    text = readme.read_text()
    assert text.startswith(f"before\n{table.BEGIN}\n\n```\nruns: 1000 load: 0.1\n")
    assert text.endswith(f"```\n\n{table.END}\nafter\n")
    assert "old" not in text and text.count("```") == 4
    assert table.main() == 0 and readme.read_text() == text
    readme.write_text("nothing")
    with pytest.raises(SystemExit):
        table.main()
    assert "lacks the lines" in capsys.readouterr().err


def test_the_readme_has_the_marks() -> None:
    text = table.README.read_text()
    assert text.count(table.BEGIN) == text.count(table.END) == 1
    assert text.index(table.BEGIN) < text.index(table.END)
