"""The contract suite's list of sessions on a cluster, and on what sentinels watch, without what is of one server."""

from __future__ import annotations

from tests.contract.test_session_list import (
    test_every_kind_of_write_reaches_every_process,
    test_the_list_of_every_process_is_that_of_a_naive_reading,
    test_what_another_program_wrote_twice_is_noticed_twice,
)

__all__ = [
    "test_every_kind_of_write_reaches_every_process",
    "test_the_list_of_every_process_is_that_of_a_naive_reading",
    "test_what_another_program_wrote_twice_is_noticed_twice",
]
