"""Whoever decodes latents sees the weights that are wanted, in eval mode, and puts all back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, final

import pytest
import torch
from lightning import LightningModule, Trainer

from callbacks import CoveredModes, GenerationQuality, HistoryAwareSampling, ModeCollapse
from callbacks.base.generator_callback import AbstractGeneratorCallback
from callbacks.generator_ema import GeneratorEMA
from tests.callbacks.runs import run
from tests.helpers import same_weights, tiny_wgan, weights


@final
class Decoding(AbstractGeneratorCallback):
    """Decodes nothing of its own."""


@pytest.mark.parametrize("use_ema", [False, True])
def test_weights_are_those_that_are_wanted(use_ema: bool, tmp_path: Path) -> None:
    ema, model = GeneratorEMA(decay=0.9), tiny_wgan()
    trainer = run(tmp_path, ema, model=model, max_epochs=2)
    own, average = weights(model.generator), ema.state_dict()["average"]
    assert not same_weights(average, own)
    model.train()
    with Decoding(use_ema).decoding(trainer, model):
        assert same_weights(weights(model.generator), average if use_ema else own)
        assert not model.training
        assert not torch.is_grad_enabled()
    assert same_weights(weights(model.generator), own)
    assert model.training
    assert torch.is_grad_enabled()


def test_an_average_that_nobody_keeps_is_missed() -> None:
    message = "`use_ema` of Decoding needs a GeneratorEMA among the callbacks, which has none; add"
    with pytest.raises(ValueError, match=message):
        Decoding(use_ema=True).check_surroundings([], None)
    with (
        pytest.raises(ValueError, match=message),
        Decoding(use_ema=True).decoding(Trainer(logger=False), tiny_wgan()),
    ):
        pass
    Decoding(use_ema=False).check_surroundings([], None)


@pytest.mark.parametrize(
    "make",
    [
        CoveredModes,
        HistoryAwareSampling,
        ModeCollapse,
        lambda **arguments: GenerationQuality({}, **arguments),
    ],
)
def test_a_model_without_latents_is_refused(make: Callable[..., Any]) -> None:
    for use_ema in (False, True):
        with pytest.raises(TypeError, match="has no `decode` and `prior`"):
            make(use_ema=use_ema).check_model(LightningModule())
