"""The contract suite's sequences of writes on a cluster, and on what sentinels watch."""

from __future__ import annotations

from tests.contract.test_state import *  # noqa: F403
