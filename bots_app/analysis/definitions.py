"""What each number on the run page is called and means: labels and tooltips."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Definition:
    """Hold label, unit, the quiet words after the label, and the tooltip.

    Units: money, percent (the value is a ratio), number, count, ms, days.
    """

    label: str
    unit: str
    note: str
    text: str


_PER_YEAR = "daily returns on UTC calendar days, days without a trade included"

DEFINITIONS = {
    "net_profit": Definition("Net profit", "money", "", "Sum of the profits of all closed trades, net of fees."),
    "gross_profit": Definition("Gross profit", "money", "", "Sum of the profits of the winning trades."),
    "gross_loss": Definition("Gross loss", "money", "", "Sum of the results of the losing trades."),
    "profit_factor": Definition(
        "Profit factor", "number", "per trade", "Gross profit over gross loss; n/a without a losing trade."
    ),
    "fees": Definition("Fees paid", "money", "", "Sum of the trades' fees; the profits are net of them."),
    "trades": Definition("Trades", "count", "", "Closed trades with a known profit. Below 30 no figure means much."),
    "win_rate": Definition("Win rate", "percent", "per trade", "Share of trades with a profit above zero."),
    "average_win": Definition("Average win", "money", "", "Gross profit over the number of winning trades."),
    "average_loss": Definition("Average loss", "money", "", "Gross loss over the number of losing trades."),
    "payoff": Definition("Payoff", "number", "avg win / avg loss", "Average win over the size of the average loss."),
    "expectancy": Definition("Expectancy", "money", "per trade", "Net profit over the number of trades."),
    "largest_win": Definition("Largest win", "money", "", "Profit of the best trade."),
    "largest_win_share": Definition(
        "Largest win", "percent", "share of gross profit", "Above 30 % the result hangs on one trade: fragile."
    ),
    "largest_loss": Definition("Largest loss", "money", "", "Result of the worst trade."),
    "largest_loss_share": Definition(
        "Largest loss", "percent", "share of gross loss", "Above 30 % one trade makes the loss: fragile."
    ),
    "longest_winning_streak": Definition(
        "Longest streak", "count", "wins", "Most winning trades in a row, by time of exit; a draw ends a streak."
    ),
    "longest_losing_streak": Definition(
        "Longest streak", "count", "losses", "Most losing trades in a row, by time of exit; a draw ends a streak."
    ),
    "average_duration": Definition("Average duration", "ms", "all", "Mean time from entry to exit."),
    "average_winner_duration": Definition(
        "Average duration", "ms", "winners", "Mean time from entry to exit of the winning trades."
    ),
    "average_loser_duration": Definition(
        "Average duration", "ms", "losers", "Mean time from entry to exit of the losing trades."
    ),
    "longest_winner_duration": Definition(
        "Longest duration", "ms", "winners", "Longest time from entry to exit of a winning trade."
    ),
    "longest_loser_duration": Definition(
        "Longest duration", "ms", "losers", "Longest time from entry to exit of a losing trade."
    ),
    "total_return": Definition("Return", "percent", "whole session", "Final equity over starting balance, less 1."),
    "cagr": Definition(
        "CAGR", "percent", "per year", "(Final equity / starting balance) to the power of 365.25 / days, less 1."
    ),
    "volatility": Definition(
        "Volatility", "percent", "per year", f"Standard deviation of {_PER_YEAR}, times root of periods per year."
    ),
    "sharpe": Definition(
        "Sharpe", "number", "per year", f"Mean over standard deviation of {_PER_YEAR}, times root of periods per year."
    ),
    "sortino": Definition(
        "Sortino",
        "number",
        "per year",
        f"Mean over the root of the mean square of the losses among {_PER_YEAR}, times root of periods per year.",
    ),
    "calmar": Definition("Calmar", "number", "CAGR / max DD", "CAGR over maximum drawdown."),
    "max_drawdown": Definition(
        "Max DD", "percent", "", "Deepest fall of the equity after closed trades below its highest value so far."
    ),
    "max_drawdown_money": Definition(
        "Max DD", "money", "", "Deepest fall in money of the equity after closed trades below its highest value so far."
    ),
    "max_drawdown_days": Definition(
        "Max DD length", "days", "", "From the peak before the deepest drawdown to its recovery, or to the end."
    ),
    "ulcer_index": Definition("Ulcer index", "percent", "", "Root mean square of the drawdown at the end of each day."),
    "recovery_factor": Definition("Recovery factor", "number", "", "Net profit over the deepest drawdown in money."),
    "exposure": Definition("Exposure", "percent", "time in market", "Share of the time with at least one open trade."),
    "skewness": Definition("Skewness", "number", "daily", "Third standardised moment of the daily returns."),
    "kurtosis": Definition(
        "Kurtosis", "number", "raw, normal = 3", "Fourth standardised moment of the daily returns, not less 3."
    ),
}
