"""The contract suite's aggregates, neighbours and trades on a cluster, and on what sentinels watch."""

from __future__ import annotations

from tests.contract.test_aggregate import *  # noqa: F403
from tests.contract.test_neighbours import *  # noqa: F403
from tests.contract.test_trades import *  # noqa: F403
