"""The demo: real backtests on real prices, as an analyst's own backtester would write them.

Prices come from the package data of `backtesting` (the extra `demo`). Two kinds of runs are made from them: some by
`backtesting` itself, many by the small engine in `crossover`. A record holds, beside the fixed fields,

- `resultsMetadata.performance`: money in the account's currency; `maxDrawdown` and `winRate` as ratios;
  `avgTradeDuration` in ms;
- `resultsMetadata.initialBalance`: what the account held before the first trade;
- `resultsMetadata.marketHistory`: the market over the session;
- `resultsMetadata.error`: why a run failed, on failed runs alone;
- `configuration`: the parameters under `strategy.params` and `riskManagement`, the costs under `costs`, in basis
  points a side.

Trades have `profitLoss` after fees.
"""

from __future__ import annotations
