"""The page of definitions: what every number on the other pages is called, is made of and is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bots_app.analysis.definitions import DEFINITIONS, Definition
from dashboard.web.links import anchor
from dashboard.web.views import Page

#: Words of the session's page, of lists and of notes beside numbers.
TERMS = {
    "runs": Definition("Runs", "count", "", "Every run of the session, in whatever status."),
    "completed": Definition("Completed", "count", "", "Runs whose status is “completed”."),
    "failed": Definition("Failed", "count", "", "Runs whose status is “failed”; their page gives the reason."),
    "unreadable": Definition(
        "Unreadable", "count", "", "Runs whose stored record is no JSON object. They are counted and listed."
    ),
    "best_profit": Definition("Best profit", "money", "", "Highest profit that a run of the session reports."),
    "worst_profit": Definition("Worst profit", "money", "", "Lowest profit that a run of the session reports."),
    "median_profit": Definition(
        "Median profit", "money", "", "The profit in the middle: as many runs reported more as reported less."
    ),
    "average_profit": Definition("Average profit", "money", "", "Sum of the reported profits over their number."),
    "deviation": Definition(
        "Deviation", "money", "", "Standard deviation of the reported profits, of the sample (n less 1)."
    ),
    "rank": Definition(
        "Rank", "count", "k of N", "Place of the run in a list, from 1; runs of equal value stand by their hash."
    ),
    "top": Definition("Top", "percent", "by profit", "Share of the runs with a profit that made at least this much."),
    "plateau": Definition(
        "Plateau score",
        "",
        "plateau.<metric>",
        "Median of a metric over the runs one step away: the next value up or down in one parameter, or another text, "
        "and all others equal; of all runs of the session. Near the run's own: a plateau; far from it: a spike.",
    ),
    "wins": Definition("Wins", "count", "", "Trades with a profit above zero."),
    "losses": Definition("Losses", "count", "", "Trades with a profit below zero."),
    "reported": Definition(
        "As reported",
        "",
        "",
        "Taken from the record. Lists show what records report; a run's page what its trades give.",
    ),
    "missing": Definition(
        "n/a", "", "", "The number is not defined here, or not known; its title says why. It is never a stand-in value."
    ),
    "few": Definition("few", "", "", "Fewer than 30 trades: chance alone explains nearly any result."),
    "fragile": Definition(
        "fragile", "", "", "One trade makes more than 30 % of the gross profit, or of the gross loss."
    ),
}
#: Headings in order, each with the keys below it; what no heading names stands under one more at the end.
GROUPS: dict[str, tuple[str, ...]] = {
    "A session and its runs": (
        *("runs", "completed", "failed", "unreadable", "best_profit", "worst_profit", "median_profit"),
        *("average_profit", "deviation", "rank", "top", "plateau"),
    ),
    "Trades: all, long and short": (
        *("net_profit", "gross_profit", "gross_loss", "profit_factor", "fees", "trades", "wins", "losses", "win_rate"),
        *("average_win", "average_loss", "payoff", "expectancy"),
    ),
    "Single trades, rows of them, and time": (
        *("largest_win", "largest_win_share", "largest_loss", "largest_loss_share", "longest_winning_streak"),
        *("longest_losing_streak", "average_duration", "average_winner_duration", "average_loser_duration"),
        *("longest_winner_duration", "longest_loser_duration"),
    ),
    "The whole run, from its equity": (
        *("total_return", "cagr", "volatility", "sharpe", "sortino", "calmar", "max_drawdown", "max_drawdown_money"),
        *("max_drawdown_days", "ulcer_index", "recovery_factor", "exposure", "skewness", "kurtosis"),
    ),
    "Words beside numbers": ("reported", "missing", "few", "fragile"),
}
#: How a number is made, where words alone are long.
FORMULAS = {
    "profit_factor": "gross profit / |gross loss|",
    "payoff": "average win / |average loss|",
    "cagr": "(final equity / starting balance)^(365.25 / days) − 1",
    "volatility": "σ(r) · √365",
    "sharpe": "mean(r) / σ(r) · √365",
    "sortino": "mean(r) / √(Σ min(r, 0)² / n) · √365",
    "calmar": "CAGR / |max drawdown|",
    "recovery_factor": "net profit / |max drawdown in money|",
    "ulcer_index": "√(mean of drawdown²)",
}
UNITS = {"money": "in the quote currency", "percent": "percent", "days": "days"}


@dataclass(frozen=True)
class Entry:
    """One definition with the end of its address."""

    anchor: str
    definition: Definition
    unit: str
    formula: str


def entries() -> dict[str, list[Entry]]:
    """Return every definition once, by heading."""
    every = DEFINITIONS | TERMS
    named = {key for keys in GROUPS.values() for key in keys}
    groups = GROUPS | {"More": tuple(key for key in every if key not in named)}
    return {
        heading: [Entry(anchor(key), every[key], UNITS.get(every[key].unit, ""), FORMULAS.get(key, "")) for key in keys]
        for heading, keys in groups.items()
        if keys
    }


class Definitions(Page):
    """Every definition on one page, each with an address of its own."""

    template_name = "pages/help.html"
    nav = "help"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(title="Definitions", groups=entries(), **kwargs)
