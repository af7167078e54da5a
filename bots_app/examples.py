"""Examples of the OpenAPI description, one run in each form."""

from __future__ import annotations

from typing import Any

RECORD: dict[str, Any] = {
    "configHash": "3f9ac2e17b604d58",
    "botId": "sma-cross-5-34",
    "status": "completed",
    "lastUpdated": 1717236000000,
    "resultsMetadata": {
        "performance": {
            "totalProfit": 1250.5,
            "sharpeRatio": 1.32,
            "maxDrawdown": 0.18,
            "winRate": 0.46,
            "profitFactor": 1.41,
            "numTrades": 212,
        },
        "marketHistory": {"startPrice": 30000.0, "endPrice": 31250.5},
    },
    "configuration": {
        "strategy": {"type": "SmaCross", "params": {"fast": 5, "slow": 34}},
        "riskManagement": {"stopLoss": 0.02},
    },
}

ROW: dict[str, Any] = {
    "configHash": "3f9ac2e17b604d58",
    "status": "completed",
    "profit": 1250.5,
    "botId": "sma-cross-5-34",
    "lastUpdated": 1717236000000,
    "sharpe": 1.32,
    "maxDrawdown": 0.18,
    "winRate": 0.46,
    "profitFactor": 1.41,
    "numTrades": 212,
}

PAGE: dict[str, Any] = {
    "bots": [ROW],
    "nextCursor": "hV0xw6Yc2m9JfQ0BAVsxMjUwLjVd",
    "previousCursor": None,
    "count": 9562,
}
