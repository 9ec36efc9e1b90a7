"""The diversity ratio, and one warning about a collapsed generator."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import seed_everything
from torch import Tensor, nn

from callbacks import ModeCollapse
from callbacks.mode_collapse import diversity
from lightning_modules import WGAN
from tests.callbacks.runs import check_fixed_latents, run
from tests.helpers import (
    TINY_SHAPE,
    TinyImages,
    quiet_trainer,
    same_weights,
    tiny_encoder,
    tiny_wgan,
    weights,
)


class Spread(nn.Module):
    """Images of independent uniform pixels like `TinyImages`, or less diverse by `scale`."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.mixing = nn.Parameter(torch.linalg.qr(torch.randn(64, 64))[0])
        self.scale = scale

    def forward(self, z: Tensor) -> Tensor:
        uniform = torch.erf((z @ self.mixing) / 2**0.5).clamp(-0.999, 0.999)
        return torch.atanh(uniform * self.scale).view(-1, *TINY_SHAPE)


def gan(scale: float) -> WGAN:
    return WGAN(TINY_SHAPE, 64, lambda shape, dim: Spread(scale), tiny_encoder)


def ratio(trainer: Any) -> float:
    return float(trainer.callback_metrics["health/diversity_ratio"])


def test_diversity_by_hand() -> None:
    rows = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]])
    assert diversity(rows) == pytest.approx(10 / 3)


def test_a_good_generator_gives_no_warning(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="mode collapse")
        trainer = run(tmp_path, ModeCollapse(60), model=gan(1.0), max_epochs=5)
    assert ratio(trainer) == pytest.approx(1, abs=0.03)


def test_a_collapsed_generator_gives_one_warning(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="mode collapse") as caught:
        trainer = run(tmp_path, ModeCollapse(60), model=gan(0.05), max_epochs=6)
    assert ratio(trainer) == pytest.approx(0.05, abs=0.01)
    (warning,) = [w for w in caught if "collapse" in str(w.message)]
    message = str(warning.message)
    assert "in epoch 3," in message
    for advice in ("WGAN-GP", "`n_critic`", "learning rate", "pulling-away", "does not help"):
        assert advice in message
    assert "\n" not in message


def test_patience_counts_consecutive_epochs() -> None:
    callback = ModeCollapse(patience=2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for epoch, value in enumerate((0.1, 0.6, 0.1, float("nan"), 0.1), start=1):
            callback._warn_if_collapsed(value, epoch)
    (warning,) = caught
    assert "in epoch 4," in str(warning.message)


def test_features_take_the_place_of_pixels(tmp_path: Path) -> None:
    # the feature is the mean of the pixels, which are independent in the data
    features = nn.Sequential(nn.Flatten(), nn.AvgPool1d(64))
    trainer = run(tmp_path, ModeCollapse(60, features=features), model=gan(0.5))
    assert ratio(trainer) == pytest.approx(0.5, abs=0.1)  # 60 samples


def test_features_are_used_in_eval_mode_and_restored(tmp_path: Path) -> None:
    features = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Dropout(0.5), nn.LayerNorm(64))
    features[3].eval()
    before, modes = weights(features), [part.training for part in features]
    seen: list[bool] = []
    features.register_forward_hook(lambda *_: seen.extend(part.training for part in features))
    run(tmp_path, ModeCollapse(60, features=features), model=gan(0.5))
    assert seen == [False] * 8  # real and generated images
    assert [part.training for part in features] == modes
    assert same_weights(weights(features), before)
    assert all(parameter.grad is None for parameter in features.parameters())


def test_a_single_example_has_no_diversity(tmp_path: Path) -> None:
    class One(TinyImages):
        def read(self, train: bool) -> tuple[Tensor, Tensor]:
            images, labels = super().read(train)
            return images[:1], labels[:1]

    data = One(batch_size=1, num_validation=0)
    trainer = run(tmp_path, ModeCollapse(), model=gan(0.05), data=data, max_epochs=4)
    assert "health/diversity_ratio" not in trainer.callback_metrics


def test_a_resumed_run_keeps_its_state(tmp_path: Path) -> None:
    first, resumed = ModeCollapse(20), ModeCollapse(20)
    trainer = run(tmp_path, first, model=gan(0.05), max_epochs=2)
    trainer.save_checkpoint(tmp_path / "two.ckpt")
    assert torch.load(tmp_path / "two.ckpt", weights_only=True)
    again = quiet_trainer(tmp_path, max_epochs=3, callbacks=[resumed])
    with pytest.warns(UserWarning, match="in epoch 3,"):
        again.fit(gan(0.05), TinyImages(batch_size=24), ckpt_path=str(tmp_path / "two.ckpt"))
    known = resumed.state_dict()
    assert known["real_diversity"] == first.state_dict()["real_diversity"]
    assert (known["low_epochs"], known["warned"]) == (3, 1)


@pytest.mark.filterwarnings("ignore:mode collapse")
@pytest.mark.parametrize("use_ema", [False, True])
def test_the_same_latents_are_decoded_by_the_selected_weights(
    use_ema: bool, tmp_path: Path
) -> None:
    callback = ModeCollapse(20, seed=4, use_ema=use_ema)
    check_fixed_latents(tmp_path, callback, tiny_wgan(n_critic=1), use_ema)


def test_weights_and_random_numbers_do_not_depend_on_it(tmp_path: Path) -> None:
    states = []
    for callbacks in ([], [ModeCollapse(10)]):
        seed_everything(1)
        model = tiny_wgan()
        assert isinstance(model.generator, nn.Sequential)
        model.generator.insert(1, nn.BatchNorm1d(16))
        model.generator.insert(2, nn.Dropout(0.5))
        quiet_trainer(tmp_path, max_epochs=2, callbacks=callbacks).fit(
            model, TinyImages(batch_size=24)
        )
        states.append((weights(model), torch.rand(3)))
    assert same_weights(states[0][0], states[1][0])
    assert torch.equal(states[0][1], states[1][1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_examples": 1}, "`num_examples` must be at least 2, got 1"),
        ({"patience": 0}, "`patience` must be at least 1, got 0"),
        ({"threshold": 0.0}, "`threshold` must be > 0, got 0.0"),
        ({"seed": -1}, "`seed` must be at least 0, got -1"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ModeCollapse(**arguments)
