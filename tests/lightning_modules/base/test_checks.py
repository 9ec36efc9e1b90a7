"""Checks of sizes and batches: the accepted ones, and the message for each other one."""

import copy
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning import LightningModule
from torch import Tensor
from torch.utils.data import DataLoader

from lightning_modules import TrainingError
from lightning_modules.base.checks import BatchContract, check_at_least_one, check_sizes
from tests.helpers import (
    TINY_SHAPE,
    TinyImages,
    quiet_trainer,
    tiny_energy_vae,
    tiny_sngan,
    tiny_vae,
)
from tests.tiny_domains import tiny_disco_gan


def test_factories_are_not_saved_but_numbers_are(tmp_path: Path) -> None:
    model = tiny_energy_vae(latent_weight=3.0)
    assert model.hparams["latent_weight"] == 3.0
    assert not {"encoder", "decoder", "optimizer"} & model.hparams.keys()
    trainer = quiet_trainer(tmp_path, limit_train_batches=1, limit_val_batches=0)
    trainer.fit(model, TinyImages(batch_size=24))
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    saved = torch.load(tmp_path / "model.ckpt", weights_only=True)  # refuses code
    assert saved["hyper_parameters"]["latent_dim"] == 2


def test_sizes() -> None:
    check_sizes((1, 2, 2), 1)
    with pytest.raises(ValueError, match="`latent_dim` must be at least 1, got 0"):
        check_sizes((1, 2, 2), 0)
    check_sizes((13,), 1)
    check_sizes(torch.Size([3, 4, 4]), 1)
    check_sizes(tuple(np.array([3, 4, 4])), 1)
    for shape in ((), None, (28, 28), (1, 0, 8), (3, 8.0, 8), "1,8,8", (1, 2, 3, 4), 28):
        message = (
            f"`image_shape` must be positive integers, .*, got {re.escape(str(shape))}; the da"
        )
        with pytest.raises(ValueError, match=message):
            check_sizes(shape, 1)


def test_counts() -> None:
    check_at_least_one("n_critic", 1)
    with pytest.raises(
        ValueError, match="`n_critic` must be at least 1, got 0; give a positive integer"
    ):
        check_at_least_one("n_critic", 0)


SHAPE = (1, 2, 3)
IMAGES, LABELS = torch.rand(4, *SHAPE), torch.zeros(4)
ROWS = 1e6 * torch.randn(4, 5)


def with_one(value: float, examples: Tensor = IMAGES) -> Tensor:
    changed = examples.clone()
    changed[-1].view(-1)[-1] = value
    return changed


GOOD: list[tuple[Any, tuple[int, ...], int]] = [
    ((IMAGES, LABELS), SHAPE, 1),
    ([IMAGES, LABELS, LABELS], SHAPE, 1),
    ([IMAGES], SHAPE, 1),
    ((IMAGES, ["a", "caption", "each", "!"]), SHAPE, 1),
    ((with_one(1 + 1e-6), LABELS), SHAPE, 1),  # rounding of scaling there and back
    ((IMAGES.half(), LABELS), SHAPE, 1),
    ((ROWS, LABELS), (5,), 1),
    ((IMAGES, IMAGES[:2]), SHAPE, 2),
    ((ROWS, ROWS), (5,), 2),
]


@pytest.mark.parametrize(("batch", "shape", "num_domains"), GOOD)
def test_right_batches_are_returned(batch: Any, shape: tuple[int, ...], num_domains: int) -> None:
    examples = BatchContract(shape, "VAE", num_domains).examples(batch)
    assert len(examples) == num_domains
    assert all(a is b for a, b in zip(examples, batch, strict=False))


BAD: list[tuple[Any, str]] = [
    (IMAGES, r"got a single tensor of the shape (4, 1, 2, 3); return (images, labels)"),
    ({"image": IMAGES, "y": 1}, "got a dict with the keys image, y; return (images, labels)"),
    (({"image": IMAGES}, LABELS), "got a tuple of (dict, Tensor); return"),
    ([], "got a list of (); return"),
    (None, "got a NoneType; return"),
    ((IMAGES * 2 - 1, LABELS), "leave out the normalization to [-1, 1], or undo it"),
    ((with_one(-1.0), LABELS), "got values from -1 to"),
    ((IMAGES * 255, LABELS), "divide them by 255"),
    ((IMAGES * 4 - 2, LABELS), "leave out a normalization, scale or clamp them"),
    (((IMAGES * 255).byte(), LABELS), "got torch.uint8; convert them, uint8 images by `x.float()"),
    ((with_one(float("nan")), LABELS), "got values that are not finite; replace or"),
    ((with_one(float("inf")), LABELS), "got values that are not finite"),
    (
        (IMAGES[:, 0], LABELS),
        "(n, 1, 2, 3), got the shape (4, 2, 3); set",
    ),
    ((IMAGES[:0], LABELS), "got the shape (0, 1, 2, 3)"),
    ((torch.tensor(0.5), LABELS), "got the shape ()"),
]


@pytest.mark.parametrize(("batch", "message"), BAD)
def test_wrong_batches_are_described(batch: Any, message: str) -> None:
    start = "`data` must serve VAE batches (images, labels) with float32 images in [0, 1] of the sh"
    with pytest.raises(TrainingError, match=f"{re.escape(start)}.*{re.escape(message)}") as refusal:
        BatchContract(SHAPE, "VAE").examples(batch)
    assert len(str(refusal.value)) < 400


def test_rows_and_two_domains() -> None:
    message = r"batches \(rows, labels\) with float32 rows of finite numbers of the shape \(n, 5\)"
    with pytest.raises(TrainingError, match=message):
        BatchContract((5,), "VAE").examples((with_one(float("nan"), ROWS), LABELS))
    for batch in ((IMAGES,), (IMAGES, LABELS), (IMAGES, IMAGES * 255), [IMAGES] * 3):
        with pytest.raises(TrainingError, match=r"serve DiscoGAN batches \(a, b\) with"):
            BatchContract(SHAPE, "DiscoGAN", 2).examples(batch)


def test_source_and_precision_are_named() -> None:
    contract = BatchContract(SHAPE, "VAE")
    with pytest.raises(TrainingError, match=r"got torch\.float64 from its loader; conv.* float32"):
        contract.check((IMAGES.double(), LABELS), "its loader", torch.float32)
    contract.check((IMAGES.double(), LABELS), "its loader", torch.float64)


def test_values_of_later_batches_are_not_checked() -> None:
    contract = BatchContract(SHAPE, "VAE")
    contract.examples((IMAGES, LABELS))
    contract.examples((IMAGES * 255, LABELS))
    with pytest.raises(TrainingError, match="got the shape"):
        contract.examples((IMAGES[:, 0], LABELS))
    with pytest.raises(TrainingError, match="divide"):
        copy.deepcopy(BatchContract(SHAPE, "VAE")).examples((IMAGES * 255, LABELS))


@pytest.mark.parametrize("make_model", [tiny_vae, tiny_sngan, lambda: tiny_disco_gan(TINY_SHAPE)])
@pytest.mark.filterwarnings("ignore:Starting from v1.9.0")
def test_in_a_training_without_the_command_line(make_model: Any, tmp_path: Path) -> None:
    model: LightningModule = make_model()
    signed = [(x, x) for x in torch.rand(8, *TINY_SHAPE) * 2 - 1]
    alone = list(torch.rand(8, *TINY_SHAPE))
    for examples, message in ((signed, "leave out the normalization"), (alone, "a single tensor")):
        trainer = quiet_trainer(tmp_path, max_epochs=1)
        with pytest.raises(TrainingError, match=message):
            trainer.fit(model, DataLoader(examples, batch_size=4))


@pytest.mark.parametrize(
    ("examples", "said"),
    [
        (torch.rand(2, 3).to_sparse(), r"got torch\.sparse_coo; make them dense by `x\.to_dense"),
        (torch.rand(2, 3).to(torch.float8_e4m3fn), r"got torch\.float8_e4m3fn; convert them by"),
    ],
)
def test_types_that_torch_cannot_compare_are_named(examples: torch.Tensor, said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        BatchContract((3,), "VAE").check((examples, None))
