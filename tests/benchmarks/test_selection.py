"""The page of selection, for few instances and short sums."""

import pytest

from benchmarks import group_inference, selection


def test_small_instances_reach_the_optimum() -> None:
    lines = list(selection.small_instances(20))
    assert "Within 1% of the gain: 20 of 20" in lines[-1]


def test_tables_of_short_histories() -> None:
    lines = list(selection.times(1, scale=100))
    assert [line.split("|")[1].strip() for line in lines[4:]] == 4 * ["10"] + ["100"]
    assert "A sum over 1,000 points at 10 candidates" in next(selection.sums(1, scale=100))


@pytest.mark.parametrize("distance", selection.DISTANCES)
def test_choice_is_as_good_as_gurobi(distance: group_inference.Distance) -> None:
    pytest.importorskip("gurobipy", reason="the group rivals installs it")
    group = group_inference.Group.random(32, distance, clustered=True, seed=0)
    difference, _, _ = group_inference.compared(group, 4, 20.0)
    assert difference > -1e-9


def test_a_missing_solver_is_a_plain_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gurobipy", None)
    with pytest.raises(SystemExit, match="needs gurobipy: `uv sync --group rivals`"):
        group_inference.gurobi_module()
