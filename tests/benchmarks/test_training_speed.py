"""The pages of training speed: times beyond the bare loop, bounds, launches."""

import sys
from pathlib import Path

import pytest

from benchmarks import training_speed
from benchmarks.bare_loops import LOOPS
from benchmarks.phases import Block
from benchmarks.speed_contestants import SCHEDULES
from benchmarks.step_times import Times
from benchmarks.training_speed import (
    ALONE,
    BARE,
    CHANNELS_LAST,
    COMPILED,
    DEFAULT,
    OURS,
    contestants,
    extra,
    page,
    verdict,
)


def blocks(milliseconds: float) -> list[Block]:
    """Returns four blocks of tiny steps of this time."""
    wall = milliseconds * SCHEDULES["tiny"].length / 1000
    return [Block(wall, wall, 2.0, 0.001)] * 4


def test_milliseconds_beyond_the_bare_loop() -> None:
    times = {BARE: blocks(1.0), DEFAULT: blocks(1.5)}
    assert extra(times, DEFAULT, SCHEDULES["tiny"].length) == pytest.approx([0.5] * 4)


def test_the_page_holds_every_contestant() -> None:
    times = {BARE: blocks(1.0), ALONE: blocks(1.4), **{name: blocks(1.6) for name in OURS}}
    two = {BARE: blocks(2.0), DEFAULT: blocks(3.0)}
    text = "\n".join(page("tiny", {"GAN": times}, two, "command"))
    assert "ms more at most 0.7, by blocks and as a whole. Holds for GAN;" in text
    assert "| GAN | Lightning alone | 1.40 | 0.400 (0.400 to 0.400) | 1.400" in text
    for name in OURS:
        assert f"| GAN | {name} | 1.60 | 0.600 (0.600 to 0.600) | 1.600" in text
    assert "1.500 (1.500 to 1.500), of the whole 1.500" in text
    assert "at most 0.5 ms per second" in text


def test_lightning_alone_is_timed_beside_one_model_of_each_family() -> None:
    assert ALONE in contestants("VAE", "tiny")
    assert ALONE in contestants("GAN", "mlp")
    assert list(contestants("WGAN", "tiny")) == [BARE, *OURS]


def test_callbacks_for_speed_are_timed_where_they_apply() -> None:
    assert {*COMPILED, *CHANNELS_LAST} <= set(contestants("GAN", "dcgan"))
    assert set(contestants("GAN", "mlp")) & {*COMPILED, *CHANNELS_LAST} == set(COMPILED)
    assert not set(contestants("GAN", "tiny")) & {*COMPILED, *CHANNELS_LAST}


@pytest.mark.parametrize(("slow_blocks", "holds"), [(0, True), (1, False), (4, False)])
def test_a_bound_is_for_the_median_and_the_whole(slow_blocks: int, holds: bool) -> None:
    ours = [*blocks(1.6)[slow_blocks:], *blocks(3.0)[:slow_blocks]]
    line = verdict("tiny", {"VAE": {BARE: blocks(1.0), DEFAULT: ours}})
    assert ("Holds for VAE;" in line) == holds
    assert ("**does not hold** for VAE." in line) != holds


def test_larger_networks_are_judged_by_the_ratio() -> None:
    times = {BARE: blocks(10.0), DEFAULT: blocks(10.4)}
    assert "Holds for GAN;" in verdict("mlp", {"GAN": times})
    assert "Holds for none;" in verdict("dcgan", {"GAN": times})


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Returns the contestants of each launch, without training."""
    launches: list[tuple[str, ...]] = []

    def launch(runs: dict[str, object], _schedule: object, _number: int, times: Times) -> None:
        launches.append(tuple(runs))
        for name in runs:
            times.setdefault(name, []).extend(blocks(1.0))

    monkeypatch.setattr(training_speed, "launch", launch)
    return launches


def test_a_page_is_written_after_each_launch(
    launched: list[tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["x", "--sizes", "mlp", "--folder", str(tmp_path)])
    training_speed.main()
    text = (tmp_path / "mlp.md").read_text()
    assert all(f"| {model} | {DEFAULT} |" in text for model in LOOPS)
    assert "In two processes" in text
    assert len(launched) == 2 * (len(LOOPS) + 1)


def test_a_few_loops_can_be_launched_often(
    launched: list[tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--sizes", "mlp", "--models", "GAN", "--rounds", "3", "--folder", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["x", *words, "--loops", ALONE])
    training_speed.main()
    assert launched == [(BARE, ALONE, DEFAULT)] * 3
    assert f"--loops '{ALONE}'`" in (tmp_path / "mlp.md").read_text()
