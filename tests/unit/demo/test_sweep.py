"""The demo's plans: how many runs, all different, some of them impossible."""

from __future__ import annotations

from collections import Counter

import pytest

from bots_app.demo.live import config_of, new_configs
from bots_app.demo.sweep import PLANS
from sessions_app.records import SessionId


@pytest.mark.parametrize("name", PLANS)
def test_no_two_configurations_of_a_plan_are_one_run(name):
    plan = PLANS[name]
    hashes = Counter(plan.hash_of(config) for config in plan.configs())
    assert hashes.most_common(1)[0][1] == 1


def test_the_sweep_is_as_large_as_promised():
    sizes = {name: len(plan.configs()) for name, plan in PLANS.items()}
    assert sizes["forex"] > 10_000
    assert sizes["backtesting"] == 300
    assert sizes["shares-older"] == sizes["shares-newer"] > 500


def test_each_plan_has_a_session_of_its_own_that_says_what_it_is():
    sids = [SessionId.parse(plan.prices().session_id) for plan in PLANS.values()]
    assert len(set(sids)) == len(PLANS)
    for sid, plan in zip(sids, PLANS.values(), strict=True):
        sid.check_writable()
        assert plan.notes.startswith("Demo: ")


def test_both_halves_of_a_market_share_configurations_but_no_bar():
    older, newer = PLANS["shares-older"], PLANS["shares-newer"]
    assert older.hash_of(older.configs()[7]) == newer.hash_of(newer.configs()[7])
    assert older.prices().time[-1] < newer.prices().time[0]
    assert len(older.prices()) + len(newer.prices()) == 2148


def test_few_configurations_cannot_be_run_and_for_more_than_one_reason():
    problems = [problem for config in PLANS["forex"].configs() if (problem := config.problem())]
    assert 0.01 < len(problems) / len(PLANS["forex"].configs()) < 0.1
    assert any("shorter" in problem for problem in problems)
    assert any("stopLoss" in problem for problem in problems)


def test_live_configurations_are_sound_and_read_back_from_their_records():
    plan, configs = PLANS["forex"], new_configs()
    for _ in range(200):
        config = next(configs)
        assert config.problem() is None
        assert config_of(plan.configuration(config)) == config


def test_a_record_of_somebody_else_is_no_configuration():
    assert config_of({}) is None
    assert config_of({"strategy": "Breakout", "riskManagement": None}) is None
