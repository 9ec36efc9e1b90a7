"""The first batch of a user's data module is checked before a run.

Reading it does not change the run: tests/commands/run/test_first_batch.py.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningDataModule, LightningModule
from torch.utils.data import DataLoader, TensorDataset

from commands.errors import UsageError
from commands.run.checks import check_batches
from tests.helpers import TINY_SHAPE, quiet_trainer, tiny_vae, tiny_wgan


class Bare(LightningModule):
    """A model that accepts any batches."""

    def training_step(self, batch: Any) -> None:
        pass


class OwnData(LightningDataModule):
    """A data module of a user."""

    def __init__(self, examples: Any, val: Any = None, **options: Any) -> None:
        super().__init__()
        self.examples, self.val, self.options = examples, val, {"batch_size": 4, **options}

    def train_dataloader(self) -> Any:
        return DataLoader(self.examples, **self.options)

    def val_dataloader(self) -> Any:
        return self.val if self.val == [] else DataLoader(self.val, 4)

    test_dataloader = train_dataloader


class Given(OwnData):
    """Returns the given object as its validation loader."""

    def val_dataloader(self) -> Any:
        return self.val


IMAGES = list(torch.rand(8, *TINY_SHAPE))
PAIRS = [(image, 0) for image in IMAGES]
WRONG = {
    "images only": (
        IMAGES,
        r"got a single tensor of the shape \(4, 1, 8, 8\) from OwnData.train_d",
    ),
    "a dict": ([{"image": x} for x in IMAGES], "got a dict with the keys image from"),
    "signed": (
        [(2 * x - 1, 0) for x in IMAGES],
        r"got values from -\S+ to \S+ from .*`\(x \+ 1\) / 2",
    ),
    "bytes": ([((255 * x).byte(), 0) for x in IMAGES], r"got torch.uint8 from"),
    "255": ([(255 * x, 0) for x in IMAGES], "divide them by 255"),
    "double": (
        [(x.double(), 0) for x in IMAGES],
        "got torch.float64 from .* convert them to float3",
    ),
    "nan": ([(x / (x > 0.1), 0) for x in IMAGES], "got values that are not finite"),
    "another shape": ([(x[0], 0) for x in IMAGES], r"\(n, 1, 8, 8\), got the shape \(4, 8, 8\)"),
    "nothing": (
        [],
        "at least one batch for training, got none from OwnData.train_datal",
    ),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("make_model", [tiny_vae, tiny_wgan])
def test_batches_of_another_kind(name: str, make_model: Any, tmp_path: Path) -> None:
    examples, message = WRONG[name]
    with pytest.raises(UsageError, match=f"`data` must serve .*{message}"):
        check_batches("fit", quiet_trainer(tmp_path), make_model(), OwnData(examples))


def test_no_whole_batch(tmp_path: Path) -> None:
    data = OwnData(PAIRS, batch_size=9, drop_last=True)
    with pytest.raises(UsageError, match=r"got none from OwnData\.train_dataloader; .*`drop_last`"):
        check_batches("fit", quiet_trainer(tmp_path), Bare(), data)


def test_validation_and_test_batches_are_checked_too(tmp_path: Path) -> None:
    signed = WRONG["signed"][0]
    with pytest.raises(UsageError, match=r"from OwnData\.val_dataloader"):
        check_batches("fit", quiet_trainer(tmp_path), tiny_vae(), OwnData(PAIRS, signed))
    with pytest.raises(UsageError, match=r"from OwnData\.test_dataloader"):
        check_batches("test", quiet_trainer(tmp_path), tiny_vae(), OwnData(signed))
    data = OwnData(PAIRS, [])
    check_batches("fit", quiet_trainer(tmp_path), tiny_vae(), data)
    with pytest.raises(UsageError, match="one batch for validation, got none"):
        check_batches("validate", quiet_trainer(tmp_path), tiny_vae(), data)
    with pytest.raises(UsageError, match=r"for validation, got none from .* return \[\] there"):
        check_batches(
            "fit",
            quiet_trainer(tmp_path),
            tiny_vae(),
            OwnData(PAIRS, TensorDataset(torch.zeros(0))),
        )


@pytest.mark.parametrize("none", [None, 3, [None], [DataLoader(PAIRS, 4), None]])
@pytest.mark.parametrize("stage", ["fit", "validate"])
def test_no_loader_at_all(none: Any, stage: str, tmp_path: Path) -> None:
    data = Given(PAIRS, none)
    message = r"for validation by a loader, got .* from Given\.val_dataloader; .* \[\] for no val"
    with pytest.raises(UsageError, match=message):
        check_batches(stage, quiet_trainer(tmp_path), tiny_vae(), data)


def test_several_loaders_need_a_step_with_their_number(tmp_path: Path) -> None:
    class Numbered(Bare):
        def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
            pass

    data = Given(PAIRS, [DataLoader(PAIRS, 4), DataLoader(PAIRS, 4)])
    for stage in ("fit", "validate"):
        check_batches(stage, quiet_trainer(tmp_path), Numbered(), data)
        with pytest.raises(UsageError, match=r"of VAE has no `dataloader_idx`, got 2 loaders from"):
            check_batches(stage, quiet_trainer(tmp_path), tiny_vae(), data)


def test_hooks_find_the_stage_of_their_loader(tmp_path: Path) -> None:
    class Staged(OwnData):
        def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
            trainer = self.trainer
            assert trainer is not None
            stages = trainer.training, trainer.validating, trainer.testing
            is_known = stages[0 if batch[1].sum() else 1] and trainer.state.fn == "fit"
            is_known = is_known and trainer.lightning_module.training == trainer.training
            return batch if is_known else [2 * batch[0], batch[1]]

    trainer, data = quiet_trainer(tmp_path), Staged([(x, 1) for x in IMAGES], PAIRS)
    data.trainer = trainer
    check_batches("fit", trainer, tiny_vae(), data)
    assert trainer.state.stage is None
    data.val = [(x + 1, 0) for x in IMAGES]
    with pytest.raises(UsageError, match=r"got values .* from Staged\.val_dataloader"):
        check_batches("fit", trainer, tiny_vae(), data)


def test_no_loader_is_created_for_a_skipped_stage(tmp_path: Path) -> None:
    data = OwnData(PAIRS, WRONG["signed"][0])
    check_batches("fit", quiet_trainer(tmp_path), tiny_wgan(), data)  # has no validation step
    check_batches("fit", quiet_trainer(tmp_path, limit_val_batches=0), tiny_vae(), data)


def test_other_models_may_accept_other_batches(tmp_path: Path) -> None:
    check_batches("fit", quiet_trainer(tmp_path), Bare(), OwnData(WRONG["a dict"][0]))


@pytest.mark.parametrize(
    ("precision", "dtype"), [("64-true", torch.float64), ("bf16-true", torch.bfloat16)]
)
def test_batches_may_have_the_precision_of_the_run(
    precision: Any, dtype: torch.dtype, tmp_path: Path
) -> None:
    data = OwnData([(x.to(dtype), 0) for x in IMAGES])
    check_batches("fit", quiet_trainer(tmp_path, precision=precision), tiny_vae(), data)
    with pytest.raises(UsageError, match="convert them to float32"):
        check_batches("fit", quiet_trainer(tmp_path), tiny_vae(), data)


class Converting(OwnData):
    """Serves bytes that a hook converts to floats."""

    factor = 1 / 255

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        assert self.trainer is not None
        return batch[0].float() * self.factor + 0 * torch.rand(()), batch[1]


def test_batches_are_checked_after_hooks(tmp_path: Path) -> None:
    trainer, data = quiet_trainer(tmp_path), Converting(WRONG["bytes"][0])
    data.trainer, model = trainer, tiny_vae()
    state = torch.get_rng_state()
    check_batches("fit", trainer, model, data)
    assert torch.equal(torch.get_rng_state(), state)
    data.factor = 1.0
    with pytest.raises(UsageError, match="divide them by 255"):
        check_batches("fit", trainer, model, data)
    data.trainer = None  # a hook that fails here may work on a device
    check_batches("fit", trainer, model, data)


def test_batches_moved_by_a_hook_are_checked_in_the_first_step(tmp_path: Path) -> None:
    class Moving(OwnData):
        def transfer_batch_to_device(self, batch: Any, *_: Any) -> Any:
            raise AssertionError

    check_batches("fit", quiet_trainer(tmp_path), tiny_vae(), Moving(WRONG["a dict"][0]))


def test_a_stream_is_checked_in_the_first_step(tmp_path: Path) -> None:
    class Stream(OwnData):
        def train_dataloader(self) -> Any:
            return iter(self.examples)

    check_batches("fit", quiet_trainer(tmp_path), tiny_vae(), Stream(WRONG["a dict"][0]))
