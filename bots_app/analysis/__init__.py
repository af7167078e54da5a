"""Every number and series of the run page, computed from a run's trades. Pure numpy: no Redis, no HTTP, no Django.

The definitions are those of the metrics page; each function names its formula. Times are UTC ms, money is unrounded,
ratios are ratios (0.097, shown as 9.7 %). What is undefined is a `Measure` without a value, with the reason; never
-100, 0 or inf. `start_ms` and `end_ms` are the session's, in ms whatever unit its id is in: the caller converts.

    trades.py       TradeArrays.from_trades(trades) | TradeArrays.from_columns(profit=..., exit_time=..., ...)
                    .closed .realised .placed (masks)  .take(selection)  len()
    measure.py      Measure(value: float | None, reason: str | None)  .is_known
    report.py       tear_sheet(trades, *, start_ms, end_ms, starting_balance, periods_per_year=365, reported=None)
                    -> TearSheet
    metrics.py      summary_metrics(trades, *, starting_balance, start_ms, end_ms, periods_per_year=365)
                    -> dict[str, float | None] under the record's own names: profit totalReturn cagr volatility
                    sharpeRatio sortinoRatio calmarRatio maxDrawdown recoveryFactor ulcerIndex skewness kurtosis
                    exposure numTrades numLong numShort winRate grossProfit grossLoss profitFactor payoffRatio
                    expectancy averageWin averageLoss fees avgTradeDuration (ms)
    equity.py       equity_curve(trades, *, start_ms, end_ms, starting_balance) -> EquityCurve
                    .time .equity .drawdown .is_relative .days  .series(points) -> {"time", "equity", "drawdown"}
                    downsample(time, equity, points, *, keep=()) -> indices of the kept points
    daily.py        daily_series(curve) -> DailySeries(.first_day .equity .returns | None .reason)
    ratios.py       ratios(curve, daily, trades, *, periods_per_year) -> Ratios, a Measure each
    statistics.py   trade_statistics(trades) -> TradeStatistics(.all .long .short), each a SideStatistics
    drawdowns.py    deepest_drawdowns(curve, *, count=10) -> tuple[Drawdown, ...]
    months.py       month_table(daily) -> MonthTable(.rows of MonthRow(year, months, total) .is_relative .reason)
    groups.py       by_reason(trades) | by_weekday | by_hour | by_month -> tuple[GroupRow, ...]
    fragility.py    fragility(trades, *, start_ms, end_ms, starting_balance, periods_per_year)
                    -> tuple[FragilityRow, ...]
    results.py      result_histogram(trades, *, starting_balance) -> Histogram
                    duration_points(trades, *, starting_balance) -> DurationPoints
    differences.py  differences(reported, recomputed, *, open_trades=0) -> tuple[Difference, ...]
    definitions.py  DEFINITIONS: key -> Definition(label, unit, note, text), for labels and tooltips;
                    units: money, percent (the value is a ratio), number, count, ms, days

TearSheet, for the run page (of a run whose trades are stored; without them show the record's numbers "as reported"):

    .starting_balance .is_relative  False: no positive balance known, equity is cumulative profit, drawdown is money
    .few_trades                     fewer than 30
    .notes                          sentences on what the numbers leave out: open trades, trades without profit or time
    .curve                          EquityCurve; .curve.series(1000) for the chart
    .facts["sharpe"]                Fact(key, definition, measure): net_profit total_return cagr volatility sharpe
                                    sortino calmar max_drawdown max_drawdown_money max_drawdown_days ulcer_index
                                    recovery_factor exposure skewness kurtosis
    .statistics                     TradeStatistics, e.g. .statistics.all.win_rate
    .trade_rows                     TradeRow(key, definition, cells=(all, long, short)), Cell(measure, flag);
                                    flag None | "fragile" | "few"
    .drawdowns                      Drawdown(start_ms, trough_ms, recovery_ms | None, depth | None, depth_money, days)
    .months                         MonthTable; MonthRow.months are twelve measures, January first
    .by_reason .by_weekday .by_hour .by_month   GroupRow(key, label, trades, wins, win_rate, profit, average)
    .histogram                      Histogram(edges, counts, mean, unit), unit "percent" | "money"
    .durations                      DurationPoints(duration_ms, result, side, index, total, unit, note)
    .fragility                      FragilityRow(key, label, trades, profit, sharpe, max_drawdown, profit_factor,
                                    win_rate)
    .differences                    Difference(key, name, definition, reported, recomputed, note)
"""

from __future__ import annotations
