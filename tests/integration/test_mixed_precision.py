"""Mixed precision: weights change nearly as in full precision, an overflow skips one step."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningModule, seed_everything
from torch import Tensor

from lightning_modules import WGANGP
from tests.helpers import (
    TINY_SHAPE,
    TinyImages,
    quiet_trainer,
    scaled_precision,
    tiny_decoder,
    tiny_encoder,
    tiny_vae,
    weights,
)

Make = Callable[[], LightningModule]


def tiny_wgan_gp() -> WGANGP:
    return WGANGP(TINY_SHAPE, 3, tiny_decoder, tiny_encoder, n_critic=2)


def train(make: Make, folder: Path, **arguments: Any) -> tuple[dict[str, Tensor], ...]:
    """Returns the weights before and after three epochs of eight batches."""
    seed_everything(0, verbose=False)
    module = make()
    before = weights(module)
    quiet_trainer(folder, max_epochs=3, **arguments).fit(module, TinyImages(batch_size=9))
    return before, weights(module)


@pytest.mark.parametrize("make", [tiny_vae, tiny_wgan_gp])
@pytest.mark.parametrize("kind", ["bf16-mixed", "16-mixed"])
def test_weights_change_as_in_full_precision(make: Make, kind: str, tmp_path: Path) -> None:
    # on a CPU Lightning replaces 16-mixed by bf16-mixed; the plugin is that of a GPU
    mixed = {"precision": kind} if kind == "bf16-mixed" else {"plugins": scaled_precision(2.0**10)}
    before, expected = train(make, tmp_path)
    _, after = train(make, tmp_path, **mixed)
    for name, weight in after.items():
        assert weight.dtype == torch.float32
        moved = (expected[name] - before[name]).norm()
        # bfloat16 has 8 bits: gradients differ by about 1 %, and small ones may change their sign
        assert (weight - expected[name]).norm() <= 0.2 * moved, name


@pytest.mark.parametrize("make", [tiny_vae, tiny_wgan_gp])
def test_steps_that_overflow_are_skipped(make: Make, tmp_path: Path) -> None:
    """A scale of 2**24 is beyond float16: it is halved at each overflow until gradients fit."""
    precision = scaled_precision(2.0**24)
    before, after = train(make, tmp_path, plugins=precision)
    assert precision.scaler is not None
    assert precision.scaler.get_scale() < 2.0**24
    assert all(value.isfinite().all() for value in after.values())
    assert any(not torch.equal(before[name], after[name]) for name in after)
