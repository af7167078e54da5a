"""The contract suite's questions to the sweep table on a cluster, and on what sentinels watch."""

from __future__ import annotations

from tests.contract.test_table_reading import *  # noqa: F403
from tests.contract.test_table_reading import _small_segments  # noqa: F401
