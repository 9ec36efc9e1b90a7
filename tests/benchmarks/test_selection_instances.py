"""Instances of selection: what they contain, and the loss of a bad choice."""

import pytest

from benchmarks.selection_instances import Instance, lost_gain


def test_instances_have_and_lack_every_term() -> None:
    instances = [Instance.random(seed) for seed in range(60)]
    for name in ("data", "quality", "min_distance"):
        assert {getattr(one, name) is None for one in instances} == {True, False}
    assert {len(one.history) > 0 for one in instances} == {True, False}
    assert {one.n for one in instances} == {1, 2, 3, 4, 5}
    assert len({one.kernel for one in instances}) == 4


def test_a_bad_choice_loses_some_gain(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = Instance.random(1)
    assert lost_gain(instance) < 1e-9
    monkeypatch.setattr(Instance, "chosen", lambda self: list(range(self.n)))
    assert lost_gain(instance) > 0.1
