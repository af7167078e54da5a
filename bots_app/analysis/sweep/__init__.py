"""Figures over all matching runs of a session, from its columns. Pure numpy: no Redis, no HTTP, no Django.

A column is float64 of shape (n,), NaN where a run lacks the value, already filtered: choosing the rows once costs less
than carrying a mask through every pass, and nothing when all runs match. Rows of deleted runs must not be among them.
The plateau and the neighbours alone want ALL runs of the session, as a filter would take steps out of the grid.

Every answer is a msgspec struct ready for JSON (camelCase, floats finite or None), bounded whatever n is, says how many
runs it is about and how many it could not use, and is the same every time.

    columns.py      Parameter(name, values, labels=None): numbers, or codes 0..k-1 of labels
    histogram.py    histogram(values, bins=None, *, low=None, high=None) -> Histogram
    quantiles.py    quantiles(values, probabilities=USUAL) -> Summary: count, min, max, mean, std, quantiles
    density.py      density(x, y, *, x_bins=60, y_bins=60, x_limits=, y_limits=) -> Density
    heatmap.py      heatmap(x, y, metric, *, statistic="median", binning="quantile") -> Heatmap
    parallel.py     parallel(axes, best) -> Parallel; `best` are places in the columns, best first
    importance.py   importance(parameters, metric) -> Importance
    correlation.py  correlation(columns) -> Correlation
    percentiles.py  percentiles(values_by_metric, run_index) -> list of Standing
    neighbours.py   neighbours(parameters, run_index, metric) -> Neighbours
    plateau.py      plateau_scores(parameters, metric) -> Plateau(scores, counts), columns
"""

from __future__ import annotations
