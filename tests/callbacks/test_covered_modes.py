"""Modes counted by hand, on toy data with known modes."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer, seed_everything
from torch import Tensor, nn

from callbacks import CoveredModes
from callbacks.base.images import LoggedImage
from callbacks.covered_modes import mode_statistics
from hawc import StandardNormal
from lightning_modules import WGAN
from tests.callbacks.runs import check_fixed_latents, image_names, run
from tests.helpers import (
    TinyRows,
    quiet_trainer,
    same_weights,
    tiny_decoder,
    tiny_encoder,
    tiny_wgan,
    weights,
)

MODES = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


class Corners(TinyRows):
    """Four Gaussians at the corners of a square."""

    modes = MODES
    mode_std = 0.05

    @property
    def image_shape(self) -> tuple[int, ...]:  # type: ignore[override]
        return (2,)

    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        rows, labels = super().read(train)
        return rows[:, :2], labels


class Half(nn.Module):
    """Samples around the two right corners, by the sign of the first latent."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = nn.Parameter(torch.tensor(std))

    def forward(self, z: Tensor) -> Tensor:
        upper = torch.stack([torch.ones(len(z)), (z[:, 0] > 0).float()], 1)
        return upper + self.std * z[:, 1:]


def frozen_gan(make: Any) -> WGAN:
    return WGAN((2,), 3, make, tiny_encoder, n_critic=1000)  # no generator step


def tiny_gan() -> WGAN:
    return WGAN((2,), 3, tiny_decoder, tiny_encoder, n_critic=1)


def metric(trainer: Trainer, name: str) -> float:
    return float(trainer.callback_metrics[f"modes/{name}"])


def test_statistics_by_hand() -> None:
    near = torch.tensor([[0.0, 0.19], [0.21, 0.0], [1.0, 0.0], [1.05, 0.0], [0.5, 0.5]])
    statistics = mode_statistics(near, MODES, std=0.05)
    assert statistics == {"covered": 2, "share_within_4_sigma": 0.6, "smallest_relative_weight": 0}
    assert mode_statistics(near, MODES, std=0.05, least_samples=2)["covered"] == 1


def test_statistics_of_the_distribution_itself() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(20000) % 4
    samples = MODES[labels] + 0.05 * torch.randn(20000, 2, generator=generator)
    statistics = mode_statistics(samples, MODES, 0.05)
    assert statistics["covered"] == 4
    # three standard errors of a share of 20000
    assert statistics["share_within_4_sigma"] == pytest.approx(1 - math.exp(-8), abs=4e-4)
    assert statistics["smallest_relative_weight"] == pytest.approx(1, abs=2e-3)


def test_a_generator_of_two_modes(tmp_path: Path) -> None:
    callback = CoveredModes(num_samples=1000, every_n_epochs=2)
    model = frozen_gan(lambda shape, dim: Half(Corners.mode_std))
    trainer = run(tmp_path, callback, model=model, data=Corners(batch_size=24), max_epochs=3)
    assert metric(trainer, "covered") == 2
    assert metric(trainer, "share_within_4_sigma") > 0.99
    assert metric(trainer, "smallest_relative_weight") == 0
    assert image_names(tmp_path) == {"epoch-0002-modes", "epoch-0003-modes"}


def test_modes_with_too_few_samples_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[LoggedImage] = []
    monkeypatch.setattr("callbacks.covered_modes.log_image", lambda *given: shown.append(given[1]))
    z = StandardNormal(3).sample(101, generator=torch.Generator().manual_seed(0))
    upper = int((z[:, 0] > 0).sum())
    # with an odd number of samples one of the two modes has more
    callback = CoveredModes(101, least_samples=max(upper, 101 - upper), every_n_epochs=1)
    model = frozen_gan(lambda shape, dim: Half(0.01))
    trainer = run(tmp_path, callback, model=model, data=Corners(batch_size=24))
    assert metric(trainer, "covered") == 1
    assert shown[0].caption.startswith("1 of 4 modes, 100.0% of 101 samples")


def test_modes_on_a_line(tmp_path: Path) -> None:
    class Ends(Corners):
        modes = torch.tensor([[-1.0], [1.0]])

        @property
        def image_shape(self) -> tuple[int, ...]:  # type: ignore[override]
            return (1,)

        def read(self, train: bool) -> tuple[Tensor, Tensor]:
            rows, labels = super().read(train)
            return rows[:, :1], labels

    model = WGAN((1,), 3, tiny_decoder, tiny_encoder)
    run(tmp_path, CoveredModes(50), model=model, data=Ends(batch_size=24))
    assert image_names(tmp_path) == {"epoch-0001-modes"}


@pytest.mark.parametrize("use_ema", [False, True])
def test_the_same_latents_are_decoded_by_the_selected_weights(
    use_ema: bool, tmp_path: Path
) -> None:
    callback = CoveredModes(20, seed=4, use_ema=use_ema)
    check_fixed_latents(tmp_path, callback, tiny_gan(), use_ema, Corners(batch_size=24))


def test_weights_and_random_numbers_do_not_depend_on_it(tmp_path: Path) -> None:
    states = []
    for callbacks in ([], [CoveredModes(50)]):
        seed_everything(1)
        model = tiny_gan()
        quiet_trainer(tmp_path, max_epochs=2, callbacks=callbacks).fit(
            model, Corners(batch_size=24)
        )
        states.append((weights(model), torch.rand(3)))
    assert same_weights(states[0][0], states[1][0])
    assert torch.equal(states[0][1], states[1][1])


def test_data_without_known_modes_are_refused(tmp_path: Path) -> None:
    message = "CoveredModes needs data with `modes` and `mode_std`, .*, got TinyImages; remove"
    with pytest.raises(ValueError, match=message):
        run(tmp_path, CoveredModes(), model=tiny_wgan())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_samples": 0}, "`num_samples` must be at least 1, got 0"),
        ({"least_samples": 0}, "`least_samples` must be at least 1, got 0"),
        ({"every_n_epochs": 0}, "`every_n_epochs` must be at least 1, got 0"),
        ({"seed": -1}, "`seed` must be at least 0, got -1"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CoveredModes(**arguments)
