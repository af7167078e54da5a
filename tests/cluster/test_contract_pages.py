"""The contract suite's lists on a cluster, and on what sentinels watch."""

from __future__ import annotations

from tests.contract.test_pages import *  # noqa: F403
