"""The page of results says what a step costs beyond the bare loop."""

import pytest

from benchmarks.speed_contestants import SCHEDULES
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
)
from benchmarks.turns import Block


def blocks(milliseconds: float) -> list[Block]:
    """Returns four blocks of tiny steps that take so long each."""
    wall = milliseconds * SCHEDULES["tiny"].length / 1000
    return [Block(wall, wall, 2.0, 0.001)] * 4


def test_milliseconds_beyond_the_bare_loop() -> None:
    times = {BARE: blocks(1.0), DEFAULT: blocks(1.5)}
    assert extra(times, DEFAULT, SCHEDULES["tiny"].length) == pytest.approx([0.5] * 4)


def test_the_page_holds_every_contestant() -> None:
    times = {BARE: blocks(1.0), ALONE: blocks(1.4), **{name: blocks(1.6) for name in OURS}}
    two = {BARE: blocks(2.0), DEFAULT: blocks(3.0)}
    text = "\n".join(page({"tiny": {"GAN": times}}, two, "command"))
    assert "at most 0.7 ms a step" in text
    assert "| GAN | Lightning alone | 1.40 | 0.400 (0.400 to 0.400) | 1.400" in text
    for name in OURS:
        assert f"| GAN | {name} | 1.60 | 0.600 (0.600 to 0.600) | 1.600" in text
    assert "1.500 (1.500 to 1.500), of the whole 1.500" in text
    assert "at most 0.5 ms a second" in text


def test_lightning_alone_is_timed_beside_one_model_of_each_family() -> None:
    assert ALONE in contestants("VAE", "tiny")
    assert ALONE in contestants("GAN", "mlp")
    assert list(contestants("WGAN", "tiny")) == [BARE, *OURS]


def test_callbacks_for_speed_are_timed_where_they_apply() -> None:
    assert {*COMPILED, *CHANNELS_LAST} <= set(contestants("GAN", "dcgan"))
    assert set(contestants("GAN", "mlp")) & {*COMPILED, *CHANNELS_LAST} == set(COMPILED)
    assert not set(contestants("GAN", "tiny")) & {*COMPILED, *CHANNELS_LAST}
