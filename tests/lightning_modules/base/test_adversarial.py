"""A critic and a generator with latents: ranges of images, precision, command-line arguments."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from jsonargparse import ArgumentParser
from torch import Tensor

from hawc import StandardNormal
from lightning_modules import EBGAN, GAN, SNGAN, WGAN, WGANGP, TrainingError
from lightning_modules.base.adversarial import AbstractAdversarial
from lightning_modules.base.alternating import Losses
from lightning_modules.interface import LatentGenerator, provides
from networks import MLPDecoder, MLPEncoder
from tests.helpers import (
    TINY_SHAPE,
    TinyImages,
    TinyRows,
    quiet_trainer,
    tiny_decoder,
    tiny_ebgan,
    tiny_encoder,
    tiny_wgan,
)
from tests.mistakes import check_refusal
from tests.tiny_domains import TinyDomains, tiny_disco_gan

MODELS: dict[str, Callable[..., AbstractAdversarial]] = {
    model.__name__: partial(model, TINY_SHAPE, 3, tiny_decoder, tiny_encoder)
    for model in (GAN, WGAN, WGANGP, SNGAN)
}
MODELS["EBGAN"] = tiny_ebgan


def test_is_a_latent_generator_over_a_normal_distribution() -> None:
    model = tiny_wgan()
    assert provides(model, LatentGenerator)
    assert isinstance(model.prior, StandardNormal)
    assert model.prior.dim == 3
    images = model.decode(torch.randn(4, 3) * 100)
    assert images.shape == (4, *TINY_SHAPE)
    assert 0 <= images.min() <= images.max() <= 1


def test_networks_see_images_between_minus_one_and_one(tmp_path: Path) -> None:
    model, ranges = tiny_wgan(), []
    critic_losses = model.critic_losses

    def spy(real: Tensor, fake: Tensor) -> Losses:
        ranges.append((float(real.min()), float(real.max()), float(fake.abs().max())))
        return critic_losses(real, fake)

    model.critic_losses = spy  # type: ignore[method-assign]
    quiet_trainer(tmp_path, limit_train_batches=1).fit(model, TinyImages(batch_size=16))
    (low, high, fake) = ranges[0]
    assert -1 <= low < -0.9
    assert 0.9 < high <= 1
    assert fake <= 1


def test_rows_of_a_table_stay_as_they_are(tmp_path: Path) -> None:
    model = WGAN((64,), 3, MLPDecoder, MLPEncoder)
    z = torch.randn(4, 3) * 100
    assert torch.equal(model.decode(z), model.generator(z))
    rows = torch.full((2, 64), 5.0)
    assert torch.equal(model.to_network_range(rows), rows)
    quiet_trainer(tmp_path, limit_train_batches=2).fit(model, TinyRows(batch_size=16))


def test_generator_has_a_batch_size_of_its_own(tmp_path: Path) -> None:
    model, sizes = tiny_wgan(generator_batch_size=5, n_critic=1), []
    model.generator.register_forward_hook(lambda _, inputs, __: sizes.append(len(inputs[0])))
    trainer = quiet_trainer(tmp_path, limit_train_batches=1, limit_val_batches=0)
    trainer.fit(model, TinyImages(batch_size=16))
    assert sizes == [16, 5]


@pytest.mark.parametrize("name", MODELS)
def test_every_model_trains_in_half_precision(tmp_path: Path, name: str) -> None:
    trainer = quiet_trainer(tmp_path, limit_train_batches=2, precision="bf16-mixed")
    trainer.fit(MODELS[name](n_critic=1), TinyImages(batch_size=16))
    logged = trainer.callback_metrics
    assert logged["train/generator_step"] == 2
    assert {"train/critic_loss", "train/generator_loss"} <= logged.keys()
    assert all(value.isfinite() for value in logged.values())


@pytest.mark.parametrize("name", MODELS)
def test_losses_are_means_of_full_precision(name: str) -> None:
    model = MODELS[name]()
    real = torch.rand(16, *TINY_SHAPE)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        fake = model.generate(torch.randn(16, 3))
        assert fake.dtype == torch.bfloat16
        losses = [*model.critic_losses(real, fake).values()]
        losses += model.generator_losses(real, fake).values()
    assert {value.dtype for value in losses} == {torch.float32}


def test_images_of_another_shape(tmp_path: Path) -> None:
    model = WGAN((1, 4, 4), 3, MLPDecoder, MLPEncoder)
    message = (
        r"WGAN batches .* shape \(n, 1, 4, 4\), got the shape \(16, 1, 8, 8\); set `image_shape`"
    )
    with pytest.raises(TrainingError, match=message):
        quiet_trainer(tmp_path).fit(model, TinyImages(batch_size=16))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"generator_batch_size": 0}, "`generator_batch_size` must be at least 1, got 0"),
        ({"latent_dim": -1}, "`latent_dim` must be at least 1, got -1"),
    ],
)
def test_wrong_arguments(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_wgan(**arguments)


@pytest.mark.parametrize(("batches", "steps"), [(True, (1, 0)), (4, (4, 0)), (7, (6, 1))])
def test_a_fast_dev_run_makes_the_steps_of_any_run(
    batches: int, steps: tuple[int, int], tmp_path: Path
) -> None:
    model = tiny_wgan(n_critic=5)
    # Lightning sets `max_steps` as well, and both networks' steps count
    quiet_trainer(tmp_path, fast_dev_run=batches).fit(model, TinyImages(batch_size=8))
    assert (model.critic_step, model.generator_step) == steps
    translator = tiny_disco_gan(TINY_SHAPE)
    quiet_trainer(tmp_path, fast_dev_run=2).fit(translator, TinyDomains(batch_size=8))
    assert (translator.critic_step, translator.generator_step) == (1, 1)


ADAM = "lightning_modules.base.optimizers.AdamWithBetas"
OPTIMIZERS = {
    GAN: (ADAM, {"lr": 2e-4, "beta1": 0.5, "beta2": 0.999}),
    WGAN: ("torch.optim.RMSprop", {"lr": 5e-5, "momentum": 0.0}),
    WGANGP: (ADAM, {"lr": 1e-4, "beta1": 0.0, "beta2": 0.9}),
    SNGAN: (ADAM, {"lr": 2e-4, "beta1": 0.0, "beta2": 0.9}),
    EBGAN: ("torch.optim.Adam", {"lr": 1e-3, "betas": (0.9, 0.999)}),
}
INHERITED: dict[str, Any] = {
    **dict.fromkeys(["image_shape", "latent_dim", "generator"]),  # required
    "generator_scheduler": None,
    "critic_scheduler": None,
    "generator_batch_size": None,
    "max_gradient_norm": None,
}
OWN: dict[type[AbstractAdversarial], dict[str, Any]] = {
    GAN: {
        "critic": None,
        "n_critic": 1,
        "generator_loss": "non_saturating",
        "real_label": 1.0,
        "noise_std": 0.0,
        "noise_steps": None,
    },
    WGAN: {"critic": None, "n_critic": 5, "clip": 0.01, "start_up": False},
    WGANGP: {"critic": None, "n_critic": 5, "penalty_weight": 10.0},
    SNGAN: {"critic": None, "n_critic": 5, "num_power_iterations": 1},
    EBGAN: {
        **dict.fromkeys(["encoder", "decoder", "code_dim"]),
        "n_critic": 1,
        "margin": 10.0,
        "pulling_away_weight": 0.1,
    },
}


@pytest.mark.parametrize("model", OWN)
def test_command_line_knows_every_argument(model: type[AbstractAdversarial]) -> None:
    """Also those that a model passes on by `*args` and `**options`, with default and help."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(model, "model")
    defaults = dict(vars(parser.get_defaults().model))
    for name in ("generator_optimizer", "critic_optimizer"):
        class_path, settings = OPTIMIZERS[model]
        given = defaults.pop(name).as_dict()
        assert given["class_path"] == class_path
        assert settings.items() <= given["init_args"].items()
    assert defaults == INHERITED | OWN[model]
    _, _, listed = parser.format_help().partition("\n\n")  # after the usage
    page = " ".join(listed.split())
    for name in (*defaults, "generator_optimizer", "critic_optimizer"):
        # followed by its text, rather than at once by its type
        assert re.search(rf"--model\.{name} (?:[A-Z_]+|\[.*?\]|{{.*?}}) [^(]", page), name


@pytest.mark.parametrize("name", ["gan_8_gaussians", "sngan_mnist5k", "wgan_cifar"])
def test_misspelt_inherited_option_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    config = Path(__file__).parents[3] / "configs" / f"{name}.yaml"
    arguments = ("--config", str(config), "--model.max_gradient_nrm", "1")
    said = r"unknown option `max_gradient_nrm`\. Did you mean max_gradient_norm\?"
    check_refusal(("misspelt", arguments, said), tmp_path, monkeypatch, capfd)
