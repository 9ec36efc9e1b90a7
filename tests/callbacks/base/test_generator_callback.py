"""Decoding uses the selected weights in eval mode, and restores everything."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, final

import pytest
import torch
from lightning import LightningModule

from callbacks import (
    CoveredModes,
    GenerationQuality,
    HistoryAwareSampling,
    ModeCollapse,
    ValidationDistances,
)
from callbacks.base.generator_callback import AbstractGeneratorCallback
from callbacks.generator_ema import GeneratorEMA
from metrics import Wasserstein1
from tests.callbacks.runs import run
from tests.helpers import same_weights, tiny_wgan, weights

MAKERS = [
    CoveredModes,
    HistoryAwareSampling,
    ModeCollapse,
    partial(GenerationQuality, {}),
    partial(ValidationDistances, {"wasserstein_1": Wasserstein1()}),
]


@final
class Decoding(AbstractGeneratorCallback):
    """The base class alone."""


@pytest.mark.parametrize("use_ema", [False, True])
def test_the_selected_weights_decode(use_ema: bool, tmp_path: Path) -> None:
    ema, model = GeneratorEMA(decay=0.9), tiny_wgan()
    trainer = run(tmp_path, ema, model=model, max_epochs=2)
    trained, average = weights(model.generator), ema.state_dict()["average"]
    assert not same_weights(average, trained)
    model.train()
    with Decoding(use_ema).decoding(trainer, model):
        assert same_weights(weights(model.generator), average if use_ema else trained)
        assert not model.training
        assert not torch.is_grad_enabled()
    assert same_weights(weights(model.generator), trained)
    assert model.training
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("make", MAKERS)
def test_use_ema_without_a_generator_ema_is_refused(make: Callable[..., Any]) -> None:
    data: Any = SimpleNamespace(modes=torch.zeros(1, 2), mode_std=1.0, num_validation=1)
    message = r"`use_ema` of \w+ needs a GeneratorEMA among the callbacks, got none; add one or"
    with pytest.raises(ValueError, match=message):
        make(use_ema=True).check_surroundings([], data)
    make(use_ema=False).check_surroundings([], data)


@pytest.mark.parametrize("make", MAKERS)
def test_a_model_without_latents_is_refused(make: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="has no `decode` and `prior`"):
        make().check_model(LightningModule())
