"""What a module saves of its arguments: what a checkpoint can hold without running code."""

from functools import partial
from pathlib import Path

import pytest
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from lightning_modules.hyperparameters import (
    check_at_least_one,
    check_sizes,
    keep_configured_settings,
    make_scheduler,
)
from tests.helpers import quiet_trainer, tiny_energy_vae


def test_factories_are_not_saved_but_numbers_are(tmp_path: Path) -> None:
    model = tiny_energy_vae(latent_weight=3.0)
    assert model.hparams["latent_weight"] == 3.0
    assert not {"encoder", "decoder", "optimizer"} & model.hparams.keys()
    trainer = quiet_trainer(tmp_path)
    trainer.strategy.connect(model)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    saved = torch.load(tmp_path / "model.ckpt", weights_only=True)  # refuses anything but data
    assert saved["hyper_parameters"]["latent_dim"] == 2


def test_sizes() -> None:
    check_sizes((1, 2, 2), 1)
    with pytest.raises(ValueError, match="`latent_dim` must be at least 1, got 0"):
        check_sizes((1, 2, 2), 0)
    with pytest.raises(ValueError, match=r"`image_shape` must be positive integers, got \(\)"):
        check_sizes((), 1)


def test_a_resumed_optimizer_has_its_own_moments_and_the_configured_settings() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    old = torch.optim.Adam([weight], lr=1.0)
    weight.grad = torch.ones(2)
    old.step()
    checkpoint = {"optimizer_states": [old.state_dict()]}
    new = torch.optim.Adam([weight], lr=0.25, betas=(0.5, 0.6))
    keep_configured_settings(checkpoint, [new])
    new.load_state_dict(checkpoint["optimizer_states"][0])
    assert new.param_groups[0]["lr"] == 0.25
    assert new.param_groups[0]["betas"] == (0.5, 0.6)
    assert new.state[weight]["step"] == 1


def test_a_scheduled_learning_rate_goes_on_from_the_checkpoint() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    old = torch.optim.Adam([weight], lr=1.0)
    torch.optim.lr_scheduler.StepLR(old, 1, gamma=0.5)
    old.param_groups[0]["lr"] = 0.125
    checkpoint = {"optimizer_states": [old.state_dict()]}
    new = torch.optim.Adam([weight], lr=3.0, eps=1e-3)
    keep_configured_settings(checkpoint, [new], scheduled=True)
    new.load_state_dict(checkpoint["optimizer_states"][0])
    assert new.param_groups[0]["lr"] == 0.125
    assert new.param_groups[0]["initial_lr"] == 1.0
    assert new.param_groups[0]["eps"] == 1e-3


def test_a_scheduler_that_waits_for_a_metric_is_refused() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0)
    assert make_scheduler(partial(StepLR, step_size=1), optimizer).get_last_lr() == [1.0]
    with pytest.raises(ValueError, match="number of its steps alone, got ReduceLROnPlateau"):
        make_scheduler(ReduceLROnPlateau, optimizer)


def test_counts() -> None:
    check_at_least_one("n_critic", 1)
    with pytest.raises(ValueError, match="`n_critic` must be at least 1, got 0"):
        check_at_least_one("n_critic", 0)
