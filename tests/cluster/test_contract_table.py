"""The contract suite's writes to the sweep table on a cluster, and on what sentinels watch."""

from __future__ import annotations

from tests.contract.test_table import *  # noqa: F403
