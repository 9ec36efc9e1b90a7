"""What a module saves of its arguments: what a checkpoint can hold without running code."""

import warnings
from pathlib import Path

import pytest
import torch

from lightning_modules.hyperparameters import (
    check_sizes,
    is_another_class,
    keep_configured_settings,
    warn_of_ignored_settings,
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
    old.param_groups[0] |= {"lr": 0.125, "betas": (0.87, 0.999)}  # betas as OneCycleLR does
    checkpoint = {"optimizer_states": [old.state_dict()]}
    new = torch.optim.Adam([weight], lr=3.0, eps=1e-3)
    keep_configured_settings(checkpoint, [new], scheduled=True)
    new.load_state_dict(checkpoint["optimizer_states"][0])
    assert new.param_groups[0]["lr"] == 0.125
    assert new.param_groups[0]["betas"] == (0.87, 0.999)
    assert new.param_groups[0]["initial_lr"] == 1.0
    assert new.param_groups[0]["eps"] == 1e-3


def recorded(lr: float, gamma: float, eps: float = 1e-8, name: str = "StepLR") -> dict[str, object]:
    """Returns hyperparameters as the command line records them."""
    return {
        "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": lr, "eps": eps}},
        "scheduler": {"class_path": name, "init_args": {"gamma": gamma}},
        "latent_dim": 2,
    }


def test_what_a_schedule_ignores_is_named_in_one_line() -> None:
    message = (
        r"with the schedule of its checkpoint: optimizer\.lr stays 0\.5 \(0\.1 was given\), "
        r"scheduler\.gamma stays 0\.3 \(0\.9 was given\); resume without `scheduler`"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        warn_of_ignored_settings(recorded(0.5, 0.3), recorded(0.1, 0.9))
    assert len(caught) == 1
    assert "\n" not in str(caught[0].message)


def test_nothing_is_said_where_nothing_is_ignored() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_ignored_settings(recorded(0.5, 0.3), recorded(0.5, 0.3, eps=1e-3))
        warn_of_ignored_settings({}, {})


def test_classes_are_compared_where_both_are_known() -> None:
    old, new = recorded(1, 1), recorded(1, 1, name="ExponentialLR")
    assert is_another_class("scheduler", old, new)
    assert not is_another_class("optimizer", old, new)
    assert not is_another_class("scheduler", {}, new)
