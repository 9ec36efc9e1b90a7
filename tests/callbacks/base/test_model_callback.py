"""Each callback says what a model lacks, before anything is trained."""

from pathlib import Path

import pytest
from lightning import LightningModule

from callbacks import (
    HistoryAwareSampling,
    Interpolation,
    LatentMap,
    LatentStatistics,
    Reconstructions,
)
from callbacks.base.model_callback import AbstractModelCallback
from tests.callbacks.runs import run
from tests.helpers import tiny_energy_vae, tiny_vae, tiny_wgan

FOR_AUTOENCODERS = [Interpolation, LatentMap, LatentStatistics, Reconstructions]


@pytest.mark.parametrize("make", FOR_AUTOENCODERS)
def test_a_generator_without_encoder_is_refused(
    make: type[AbstractModelCallback], tmp_path: Path
) -> None:
    message = (
        rf"{make.__name__} needs a model with `decode`, `sample_latents`, `encode` and "
        r"`prior`; WGAN has no `sample_latents` and `encode`\. Remove the callback or add"
    )
    with pytest.raises(TypeError, match=message):
        run(tmp_path, make(), model=tiny_wgan())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", FOR_AUTOENCODERS)
def test_autoencoders_are_accepted(make: type[AbstractModelCallback]) -> None:
    make().check_model(tiny_energy_vae())
    make().check_model(tiny_vae())


def test_a_generator_can_be_sampled() -> None:
    HistoryAwareSampling().check_model(tiny_wgan())
    with pytest.raises(TypeError, match="LightningModule has no `decode` and `prior`"):
        HistoryAwareSampling().check_model(LightningModule())
