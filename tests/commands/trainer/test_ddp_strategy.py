"""The strategy of models with one optimizer or two."""

import pytest
from lightning.pytorch.strategies import DDPStrategy

from commands.trainer.ddp_strategy import ddp_strategy, strategy_notice
from tests.helpers import tiny_vae, tiny_wgan
from tests.tiny_domains import tiny_disco_gan

TWO = {"accelerator": "cpu", "devices": 2, "num_nodes": 1, "strategy": "auto"}
FINDS = "ddp_find_unused_parameters_true"


@pytest.mark.parametrize("make", [tiny_wgan, lambda: tiny_disco_gan((1, 8, 8))])
def test_two_processes_of_a_model_of_two_optimizers(make: object) -> None:
    model = make()  # type: ignore[operator]
    assert ddp_strategy(model, TWO) == FINDS
    for said in ("ddp", "ddp_find_unused_parameters_false", FINDS):
        assert ddp_strategy(model, {**TWO, "strategy": said}) == FINDS
    assert ddp_strategy(model, {**TWO, "strategy": "ddp_spawn"}) == (
        "ddp_spawn_find_unused_parameters_true"
    )
    assert ddp_strategy(model, {**TWO, "devices": 1, "num_nodes": 2}) == FINDS


def test_a_replaced_strategy_is_announced() -> None:
    notice = strategy_notice(tiny_wgan(), "ddp", FINDS)
    assert notice is not None
    assert notice.startswith(
        f"`trainer.strategy` is {FINDS}, not ddp: a step of WGAN updates one of"
    )
    assert strategy_notice(tiny_wgan(), "auto", FINDS) is None
    assert strategy_notice(tiny_wgan(), FINDS, FINDS) is None


def test_one_process_does_not_change() -> None:
    for devices in (1, "auto"):
        assert ddp_strategy(tiny_wgan(), {**TWO, "devices": devices}) == "auto"


def test_a_strategy_with_that_search_does_not_change() -> None:
    for said in ("auto", "ddp", "ddp_find_unused_parameters_false"):
        assert ddp_strategy(tiny_vae(), {**TWO, "strategy": said}) == said


def test_a_strategy_object_does_not_change() -> None:
    own = DDPStrategy()
    assert ddp_strategy(tiny_wgan(), {**TWO, "strategy": own}) is own
    assert ddp_strategy(tiny_wgan(), {**TWO, "strategy": "fsdp"}) == "fsdp"
