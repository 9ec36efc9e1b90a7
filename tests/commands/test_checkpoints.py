"""Checkpoints that fit, and how the first difference is named."""

from pathlib import Path

import pytest
import torch

from commands.checkpoints import check_checkpoint, load_weights
from commands.errors import UsageError
from tests.helpers import same_weights, tiny_energy_vae, tiny_wgan, weights


def save(state: dict[str, torch.Tensor], path: Path) -> None:
    torch.save({"state_dict": state, "pytorch-lightning_version": "2.6.0"}, path)


def test_a_fitting_one_passes(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    save(tiny_energy_vae().state_dict(), path)
    check_checkpoint(path, tiny_energy_vae())


def test_weights_are_loaded_and_nothing_else_matters(tmp_path: Path) -> None:
    path, saved, model = tmp_path / "model.ckpt", weights(tiny_wgan()), tiny_wgan()
    content = {"state_dict": saved, "pytorch-lightning_version": "2.6.0", "optimizer_states": [0]}
    torch.save(content, path)
    assert not same_weights(weights(model), saved)
    load_weights(path, model)
    assert same_weights(weights(model), saved)
    with pytest.raises(UsageError, match="is of another model than the configured EnergyVAE"):
        load_weights(path, tiny_energy_vae())


def test_differences_are_named(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    save(tiny_energy_vae().state_dict(), path)
    with pytest.raises(UsageError, match=r"than the configured WGAN: it lacks critic\.1\.bias"):
        check_checkpoint(path, tiny_wgan())
    wider = r"its encoder\.3\.weight has shape \(2, 16\), here it is \(5, 16\)"
    with pytest.raises(UsageError, match=wider):
        check_checkpoint(path, tiny_energy_vae(latent_dim=5))
    state = {**tiny_energy_vae().state_dict(), "extra.weight": torch.zeros(1)}
    save(state, path)
    with pytest.raises(UsageError, match=r"its extra\.weight is unknown here"):
        check_checkpoint(path, tiny_energy_vae())


def test_a_cut_file_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    save(tiny_energy_vae().state_dict(), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UsageError, match="cannot be read as a checkpoint"):
        check_checkpoint(path, tiny_energy_vae())
