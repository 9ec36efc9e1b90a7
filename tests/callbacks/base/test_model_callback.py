"""Models that lack members of a protocol are refused before training."""

from pathlib import Path

import pytest

from callbacks import (
    CriticSlopes,
    GeneratorEMA,
    GradientNorms,
    Interpolation,
    LatentMap,
    LatentStatistics,
    LossSwings,
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
        rf"{make.__name__} needs a model with `decode`, `encode`, `prior` and `sample_latents`; "
        r"WGAN has no `encode` and `sample_latents`\. Remove the callback or add"
    )
    with pytest.raises(TypeError, match=message):
        run(tmp_path, make(), model=tiny_wgan())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", FOR_AUTOENCODERS)
def test_autoencoders_are_accepted(make: type[AbstractModelCallback]) -> None:
    make().check_model(tiny_energy_vae())
    make().check_model(tiny_vae())


@pytest.mark.parametrize("make", [CriticSlopes, GeneratorEMA, GradientNorms, LossSwings])
def test_an_autoencoder_has_no_critic(make: type[AbstractModelCallback]) -> None:
    with pytest.raises(TypeError, match=rf"{make.__name__} needs .*EnergyVAE has no .*`critic`"):
        make().check_model(tiny_energy_vae())
