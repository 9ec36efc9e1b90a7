"""What a checkpoint holds for a model, and how the first difference is named."""

from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_modules.saved_weights import read_checkpoint, read_weights
from tests.helpers import same_weights, tiny_energy_vae, tiny_wgan, weights

VERSION = {"pytorch-lightning_version": "2.6.0"}


def save(state: dict[str, Any], path: Path) -> None:
    torch.save({"state_dict": state, **VERSION}, path)


def test_weights_come_as_they_were_saved(tmp_path: Path) -> None:
    path, saved, model = tmp_path / "model.ckpt", weights(tiny_wgan()), tiny_wgan()
    before = weights(model)
    torch.save({"state_dict": saved, **VERSION, "optimizer_states": [0]}, path)
    assert same_weights(read_weights(path, model, "path"), saved)
    assert same_weights(weights(model), before)
    assert read_checkpoint(path, "path")["optimizer_states"] == [0]


def test_differences_are_named(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    save(tiny_energy_vae().state_dict(), path)
    message = r"`path` '.*' is of another model than the .* WGAN: it lacks critic\.1\.bias; use the"
    with pytest.raises(ValueError, match=message):
        read_weights(path, tiny_wgan(), "path")
    wider = r"its encoder\.3\.weight has shape \(2, 16\), here it is \(5, 16\)"
    with pytest.raises(ValueError, match=wider):
        read_weights(path, tiny_energy_vae(latent_dim=5), "path")
    save({**tiny_energy_vae().state_dict(), "extra.weight": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match=r"its extra\.weight is unknown here"):
        read_weights(path, tiny_energy_vae(), "path")


@pytest.mark.parametrize("content", [{"state_dict": {}}, VERSION, {"state_dict": 1}, [1]])
def test_files_of_something_else(content: object, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save(content, path)
    message = r"`path` '.*x\.pt' is not a Lightning checkpoint: it has no weights or does not say"
    with pytest.raises(ValueError, match=message):
        read_weights(path, tiny_wgan(), "path")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    with pytest.raises(ValueError, match=r"`path` must be a checkpoint file, .* does not exist"):
        read_checkpoint(path, "path")
    save(tiny_energy_vae().state_dict(), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"`path` .* cannot be read as a checkpoint: it was no"):
        read_checkpoint(path, "path")
    torch.save({"state_dict": print}, path)  # code, which is not run
    with pytest.raises(ValueError, match="cannot be read as a checkpoint"):
        read_checkpoint(path, "path")
