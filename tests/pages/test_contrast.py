"""The colours can be read in both themes, and profit told from loss by colour-blind readers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).resolve().parents[2] / "static/dashboard/tokens.css"
THEMES = ("light", "dark")
GROUNDS = ("body-bg", "darkened-bg", "selected-row")
#: Foreground, background, least ratio of WCAG 2.2: 4.5 for text, 3 for edges and marks.
PAIRS = [
    *((word, ground, 4.5) for word in ("body-fg", "body-quiet-color", "link-fg") for ground in GROUNDS),
    *((word, ground, 4.5) for word in ("pos", "neg") for ground in ("body-bg", "selected-row", f"{word}-bg")),
    *((word, "body-bg", 4.5) for word in ("warn-fg", "floor", "error-fg", "s1", "s2", "s3", "s4")),
    ("body-quiet-color", "selected-bg", 4.5),
    ("warn-fg", "message-warning-bg", 4.5),
    ("body-fg", "message-warning-bg", 4.5),
    ("body-fg", "message-error-bg", 4.5),
    ("header-link-color", "header-bg", 4.5),
    ("accent", "header-bg", 4.5),
    *((mark, ground, 3) for mark in ("control-line", "focus") for ground in ("body-bg", "darkened-bg")),
    ("q3", "body-bg", 3),
]
#: How a colour looks to those who lack one kind of cone (Machado, Oliveira and Fernandes 2009, severity 1), linear RGB.
BLIND = {
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
#: Least distance of profit from loss in CIE Lab.
LEAST_DISTANCE = 20


def tokens(theme: str) -> dict[str, str]:
    found = re.findall(r"--([\w-]+):\s*(light-dark\([^)]*\)|#[0-9a-f]{6})", TOKENS.read_text())
    pick = THEMES.index(theme)
    return {k: v.split("(")[1].strip(")").split(",")[pick].strip() if "(" in v else v for k, v in found}


def linear(color: str) -> list[float]:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def times(matrix, vector) -> list[float]:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def luminance(color: str) -> float:
    return times([(0.2126, 0.7152, 0.0722)], linear(color))[0] + 0.05


def lab(rgb: list[float]) -> list[float]:
    xyz = times(((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505)), rgb)
    ratios = [max(0, value) / white for value, white in zip(xyz, (0.95047, 1, 1.08883), strict=True)]
    x, y, z = (ratio ** (1 / 3) if ratio > 0.008856 else 7.787 * ratio + 16 / 116 for ratio in ratios)
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)]


@pytest.mark.parametrize("theme", THEMES)
def test_text_and_edges_stand_out(theme):
    colors = tokens(theme)
    for front, ground, least in PAIRS:
        light, dark = sorted((luminance(colors[name]) for name in (front, ground)), reverse=True)
        assert light / dark >= least, f"{front} on {ground} in the {theme} theme: {light / dark:.2f}"


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("kind", BLIND)
def test_profit_differs_from_loss_for_everybody(theme, kind):
    colors = tokens(theme)
    profit, loss = (lab(times(BLIND[kind], linear(colors[name]))) for name in ("pos", "neg"))
    assert sum((a - b) ** 2 for a, b in zip(profit, loss, strict=True)) ** 0.5 >= LEAST_DISTANCE
