"""Prefix affinity on traces of prompts that begin alike."""

from __future__ import annotations

import pytest

from tests.lb.policies.trace import Shape, play, trace

REQUESTS = 3000


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    "shape",
    [
        Shape(skew=0),
        Shape(skew=0.4, prefixes=120, rate=60),
        Shape(skew=0.4, prefixes=120, instruction=200),
        Shape(skew=0, rate=5),
    ],
)
def test_caches_hit_three_times_as_often_and_no_replica_has_much_more_than_others(
    shape: Shape, seed: int
) -> None:
    least_load = play(trace(shape, REQUESTS, seed), "least_load", kept=16)
    affinity = play(trace(shape, REQUESTS, seed), "prefix_affinity", kept=16)
    assert affinity.hit_rate >= 3 * least_load.hit_rate
    assert affinity.most_loaded <= 1.25
    assert affinity.hardest_working <= 1.3


@pytest.mark.parametrize("rate", [0.2, 4, 20, 60])
def test_popular_prompts_and_any_load_leave_no_replica_with_much_more(rate: float) -> None:
    shape = Shape(skew=1.2, rate=rate, instruction=100)
    outcome = play(trace(shape, REQUESTS, 1), "prefix_affinity")
    assert outcome.most_loaded <= 1.25
    assert outcome.hit_rate >= 0.8
