"""Return, risk and the ratios between them, from the equity curve and its daily returns."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bots_app.analysis.daily import DailySeries
from bots_app.analysis.drawdowns import deepest_drawdowns
from bots_app.analysis.equity import EquityCurve
from bots_app.analysis.measure import Measure, plural
from bots_app.analysis.trades import Floats, TradeArrays

#: Crypto trades every day; a setting of whoever calls.
PERIODS_PER_YEAR = 365.0
DAYS_PER_YEAR = 365.25
#: Returns whose spread is below this share of the largest do not vary but for rounding.
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Ratios:
    """Hold what is computed from equity: ratios or plain numbers, money and days where the name says so."""

    total_return: Measure
    cagr: Measure
    volatility: Measure
    sharpe: Measure
    sortino: Measure
    calmar: Measure
    max_drawdown: Measure
    max_drawdown_money: Measure
    max_drawdown_days: Measure
    ulcer_index: Measure
    recovery_factor: Measure
    exposure: Measure
    skewness: Measure
    kurtosis: Measure


def ratios(
    curve: EquityCurve, daily: DailySeries, trades: TradeArrays, *, periods_per_year: float = PERIODS_PER_YEAR
) -> Ratios:
    """Compute all of them."""
    growth, deepest = cagr(curve), max_drawdown(curve)
    skew, kurt = moments(daily)
    return Ratios(
        total_return=total_return(curve),
        cagr=growth,
        volatility=volatility(daily, periods_per_year=periods_per_year),
        sharpe=sharpe(daily, periods_per_year=periods_per_year),
        sortino=sortino(daily, periods_per_year=periods_per_year),
        calmar=calmar(growth, deepest),
        max_drawdown=deepest,
        max_drawdown_money=Measure.of(_deepest_money(curve)),
        max_drawdown_days=_length_of_deepest(curve),
        ulcer_index=ulcer_index(daily),
        recovery_factor=recovery_factor(curve),
        exposure=exposure(trades, start_ms=curve.start_ms, end_ms=curve.end_ms),
        skewness=skew,
        kurtosis=kurt,
    )


def total_return(curve: EquityCurve) -> Measure:
    """Final equity over the starting balance, less 1."""
    if not curve.is_relative:
        return _no_balance(curve)
    return Measure.of(curve.net_profit / float(curve.equity[0]))


def cagr(curve: EquityCurve) -> Measure:
    """(final / start) ** (365.25 / days) - 1; undefined below a day, where it would be an extrapolation."""
    if not curve.is_relative:
        return _no_balance(curve)
    if curve.days < 1:
        return Measure.undefined("The curve is shorter than a day.")
    final = float(curve.equity[-1])
    if final <= 0:
        return Measure.undefined("The final balance is zero or below.")
    exponent = math.log(final / float(curve.equity[0])) * DAYS_PER_YEAR / curve.days
    return Measure.of(math.expm1(exponent) if exponent < 700 else math.inf)


def max_drawdown(curve: EquityCurve) -> Measure:
    """Deepest fall below the highest equity so far, a positive ratio of it; above 1 when the balance went below 0."""
    return Measure.of(abs(float(curve.drawdown.min()))) if curve.is_relative else _no_balance(curve)


def volatility(daily: DailySeries, *, periods_per_year: float = PERIODS_PER_YEAR) -> Measure:
    """Sample standard deviation (n - 1) of daily returns, times the root of the periods per year."""
    _, missing = _enough(daily)
    return missing if missing else Measure.of(daily.standard_deviation * math.sqrt(periods_per_year))


def sharpe(daily: DailySeries, *, periods_per_year: float = PERIODS_PER_YEAR) -> Measure:
    """Mean over sample standard deviation (n - 1) of daily returns, times root of periods per year (Sharpe 1994)."""
    missing = _steady(daily)
    return missing if missing else Measure.of(daily.mean / daily.standard_deviation * math.sqrt(periods_per_year))


def sortino(daily: DailySeries, *, periods_per_year: float = PERIODS_PER_YEAR) -> Measure:
    """Mean over the root of sum(min(r, 0) ** 2) / n of daily returns, times the root of the periods per year."""
    returns, missing = _enough(daily)
    if missing:
        return missing
    losses = np.minimum(returns, 0.0)
    below = math.sqrt(float(losses @ losses) / len(losses))
    return Measure.ratio(daily.mean * math.sqrt(periods_per_year), below, "No day lost money.")


def calmar(growth: Measure, deepest: Measure) -> Measure:
    """CAGR over the maximum drawdown (Young 1991, over the whole curve)."""
    if growth.value is None or deepest.value is None:
        return growth if growth.value is None else deepest
    return Measure.ratio(growth.value, deepest.value, "The equity never fell below an earlier peak.")


def ulcer_index(daily: DailySeries) -> Measure:
    """Root mean square of the drawdown at the end of each day, as a ratio (Martin and McCann 1989)."""
    if not daily.is_relative or not len(daily.equity):
        return Measure.undefined(daily.reason or "There are no days.")
    peak = np.maximum(np.maximum.accumulate(daily.equity), daily.opening)
    under = daily.equity / peak - 1.0
    return Measure.of(math.sqrt(float(under @ under) / len(under)))


def recovery_factor(curve: EquityCurve) -> Measure:
    """Net profit over the deepest drawdown in money."""
    return Measure.ratio(curve.net_profit, _deepest_money(curve), "The equity never fell below an earlier peak.")


def exposure(trades: TradeArrays, *, start_ms: int, end_ms: int) -> Measure:
    """Share of the time with at least one position held; overlapping trades count once, open ones until the end."""
    if end_ms <= start_ms:
        return Measure.undefined("The curve has no length.")
    if not len(trades):
        return Measure(0.0)
    left = np.where(trades.closed, trades.exit_time, float(end_ms))
    entered = trades.entry_time
    if not np.isfinite(entered + left).all():
        lacking = int((~np.isfinite(entered + left)).sum())
        return Measure.undefined(f"{plural(lacking, 'trade')} without entry or exit time.")
    order = np.argsort(entered, kind="stable")
    begin, until = np.clip(entered[order], start_ms, end_ms), np.clip(left[order], start_ms, end_ms)
    covered = np.maximum.accumulate(np.concatenate(([float(start_ms)], until[:-1])))
    return Measure.of(float(np.maximum(until - np.maximum(begin, covered), 0.0).sum()) / (end_ms - start_ms))


def moments(daily: DailySeries) -> tuple[Measure, Measure]:
    """Skewness m3 / m2 ** 1.5 and RAW kurtosis m4 / m2 ** 2 (normal = 3) of daily returns; m are population moments."""
    missing = _steady(daily)
    if missing:
        return missing, missing
    # In units of the largest deviation, as the fourth power of a small return would be lost below the smallest float.
    deviation = daily.deviation / float(np.abs(daily.deviation).max())
    square, n = deviation * deviation, len(deviation)
    spread = float(square.sum()) / n
    skew, kurt = float(square @ deviation) / n / spread**1.5, float(square @ square) / n / spread**2
    return Measure.of(skew), Measure.of(kurt)


def _no_balance(curve: EquityCurve) -> Measure:
    known = curve.starting_balance is not None
    return Measure.undefined("The starting balance is not positive." if known else "The starting balance is not known.")


def _deepest_money(curve: EquityCurve) -> float:
    return abs(float(curve.drawdown_money.min()))


def _length_of_deepest(curve: EquityCurve) -> Measure:
    deepest = deepest_drawdowns(curve, count=1)
    return Measure.of(deepest[0].days) if deepest else Measure.undefined("The equity never fell below an earlier peak.")


def _enough(daily: DailySeries) -> tuple[Floats, Measure | None]:
    if daily.returns is None:
        return np.empty(0), Measure.undefined(daily.reason or "There are no daily returns.")
    if len(daily.returns) < 2:
        return daily.returns, Measure.undefined("Fewer than two days.")
    return daily.returns, None


def _steady(daily: DailySeries) -> Measure | None:
    """Say why there is nothing to divide by: too few returns, or none that differs from the others."""
    returns, missing = _enough(daily)
    if missing is None and float(np.abs(daily.deviation).max()) <= ROUNDING * float(np.abs(returns).max()):
        missing = Measure.undefined("The daily returns do not vary.")
    elif missing is None and not 0 < daily.standard_deviation < math.inf:
        missing = Measure.undefined("The daily returns are beyond what can be computed with.")
    return missing
