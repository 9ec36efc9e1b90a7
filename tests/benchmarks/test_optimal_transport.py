"""The table of optimal transport, for few points."""

from benchmarks.optimal_transport import report, timed


def test_table_of_a_small_size() -> None:
    lines = list(report(20))
    assert [line.split("|")[2].strip() for line in lines[4:]] == 2 * ["equal", "random"]
    assert all(float(line.split("|")[5]) > 0.5 for line in lines[4:])


def test_clouds_are_reproducible() -> None:
    first, second = timed(10, 2, True), timed(10, 2, True)
    assert first[0].cost == second[0].cost
    assert abs(first[0].gap) < 1e-9
