"""The model of one checkpoint, or of several combined."""

from pathlib import Path

import pytest
import torch
from torch import nn

from commands.errors import UsageError
from commands.sample.model import Combination, sampled_model
from lightning_modules import DecoderAverage, Ensemble
from tests.helpers import same_weights, tiny_energy_vae, tiny_wgan, weights


@pytest.fixture
def checkpoints(tmp_path: Path) -> list[Path]:
    """Two of a WGAN, each with an average of its generator."""
    paths = [tmp_path / f"{name}.ckpt" for name in ("a", "b")]
    for path in paths:
        kept = {"GeneratorEMA": {"average": tiny_wgan().generator.state_dict()}}
        content = {"state_dict": tiny_wgan().state_dict(), "callbacks": kept}
        torch.save({**content, "pytorch-lightning_version": "2.6"}, path)
    return paths


def saved(path: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return state


def test_one_checkpoint_gives_the_model_itself(checkpoints: list[Path]) -> None:
    model = tiny_wgan()
    assert sampled_model(model, checkpoints[:1]) is model
    assert same_weights(weights(model), saved(checkpoints[0]))


@pytest.mark.parametrize(("combine", "kind"), [("mixture", Ensemble), ("average", DecoderAverage)])
def test_several_are_combined(combine: Combination, kind: type, checkpoints: list[Path]) -> None:
    combined = sampled_model(tiny_wgan(), checkpoints, combine)
    assert isinstance(combined, kind)
    members = combined.members
    assert isinstance(members, nn.ModuleList)
    for member, path in zip(members, checkpoints, strict=True):
        assert same_weights(weights(member), saved(path))


def test_averages_of_generators_are_combined(checkpoints: list[Path]) -> None:
    combined = sampled_model(tiny_wgan(), checkpoints, use_ema=True)
    assert isinstance(combined, Ensemble)
    for member, path in zip(combined.members, checkpoints, strict=True):
        kept = torch.load(path, weights_only=True)["callbacks"]["GeneratorEMA"]["average"]
        assert isinstance(member.generator, nn.Module)
        assert same_weights(weights(member.generator), kept)


def test_messages_name_the_option(checkpoints: list[Path], tmp_path: Path) -> None:
    missing = tmp_path / "none.ckpt"
    with pytest.raises(UsageError, match="`more_checkpoints` must be a checkpoint file"):
        sampled_model(tiny_wgan(), [checkpoints[0], missing])
    with pytest.raises(UsageError, match="`ckpt_path` must be a checkpoint file"):
        sampled_model(tiny_wgan(), [missing, checkpoints[0]])
    student = tiny_energy_vae(latent_loss="paper")
    path = tmp_path / "student.ckpt"
    content = {"state_dict": student.state_dict(), "pytorch-lightning_version": "2.6"}
    torch.save(content, path)
    with pytest.raises(UsageError, match="`more_checkpoints` must have a standard normal prior"):
        sampled_model(student, [path, path])


@pytest.mark.parametrize("place", [0, 1])
def test_weights_that_decode_to_nan_are_refused(place: int, checkpoints: list[Path]) -> None:
    content = torch.load(checkpoints[place], weights_only=True)
    for name, value in content["state_dict"].items():
        if name.startswith("generator."):
            value.fill_(torch.nan)
    torch.save(content, checkpoints[place])
    option = ("ckpt_path", "more_checkpoints")[place]
    message = (
        f"`{option}` must hold weights that decode to finite values, got NaN or infinity from W"
    )
    with pytest.raises(UsageError, match=message):
        sampled_model(tiny_wgan(), checkpoints)
    sampled_model(tiny_wgan(), checkpoints, use_ema=True)  # the averages are finite


def test_the_check_keeps_modes_and_random_numbers(checkpoints: list[Path]) -> None:
    model = tiny_wgan()
    state = torch.get_rng_state()
    sampled_model(model, checkpoints[:1])
    assert all(part.training for part in model.modules())
    assert torch.equal(torch.get_rng_state(), state)
