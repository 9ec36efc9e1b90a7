"""All data modules in memory: splits, folders, and messages that name the option."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback
from torch import Tensor

from datamodules import DataError
from datamodules.in_memory import hold_out
from tests.helpers import TINY_SHAPE, TinyImages, quiet_trainer, tiny_energy_vae


def test_a_tenth_is_held_out_and_nothing_is_lost() -> None:
    data = TinyImages(batch_size=4)
    data.setup("fit")
    train = torch.cat([images for images, _ in data.train_dataloader()])
    val = torch.cat([images for images, _ in data.val_dataloader()])
    everything = data.read(train=True)[0].float() / 255
    assert (len(train), len(val)) == (72, 8)
    together = torch.cat([train, val]).flatten(1)
    assert torch.equal(together.unique(dim=0), everything.flatten(1).unique(dim=0))


def test_held_out_images_do_not_depend_on_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    held_out = []
    for seed in ("1", "2"):
        monkeypatch.setenv("PL_GLOBAL_SEED", seed)
        data = TinyImages(batch_size=8)
        data.setup("fit")
        held_out.append(next(iter(data.val_dataloader()))[0])
    assert torch.equal(*held_out)


def test_nothing_is_held_out_on_request() -> None:
    data = TinyImages(batch_size=4, num_validation=0)
    data.setup("fit")
    assert data.val_dataloader() == []
    assert len(data.train_dataloader()) == 20


def test_order_follows_the_run_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    orders = []
    for seed in ("1", "1", "2"):
        monkeypatch.setenv("PL_GLOBAL_SEED", seed)
        data = TinyImages(batch_size=72)
        data.setup("fit")
        orders.append(next(iter(data.train_dataloader()))[0])
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])


def test_examples_are_the_same_in_every_run_and_shuffled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = []
    for seed, size in (("1", 4), ("2", 50)):
        monkeypatch.setenv("PL_GLOBAL_SEED", seed)
        data = TinyImages(batch_size=size)
        data.setup("fit")
        chosen.append(data.train_examples(70))
    assert torch.equal(*chosen)
    assert torch.equal(data.train_examples(10), chosen[0][:10])
    everything = data.train_examples(1000)
    kept = torch.cat([images for images, _ in data.make_loader(data._splits["train"], False, 0, 0)])
    assert len(everything) == len(kept) == 72
    assert not torch.equal(everything, kept)  # a data set may be sorted
    assert torch.equal(everything.flatten(1).unique(dim=0), kept.flatten(1).unique(dim=0))


def test_data_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data, calls = TinyImages(batch_size=4), []
    read = data.read
    monkeypatch.setattr(data, "read", lambda train: calls.append(train) or read(train))
    for stage in ("fit", "fit", "validate", "test", "test"):
        data.setup(stage)
    assert calls == [True, False]


def test_test_split() -> None:
    data = TinyImages(batch_size=6)
    data.setup("test")
    assert [len(images) for images, _ in data.test_dataloader()] == [6, 6, 6, 2]
    assert data.image_shape == TINY_SHAPE


def test_folder_comes_from_argument_then_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAWC_DATA", str(tmp_path))
    assert TinyImages().data_dir == tmp_path
    assert TinyImages(data_dir="~/there").data_dir == Path.home() / "there"
    monkeypatch.delenv("HAWC_DATA")
    assert TinyImages().data_dir == Path("data")


def test_batch_larger_than_the_data() -> None:
    data = TinyImages(batch_size=73)
    with pytest.raises(DataError, match=r"`batch_size` must be at most 72, .* got 73"):
        data.setup("fit")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "`batch_size` must be at least 1, got 0"),
        ({"num_validation": -1}, "`num_validation` must be at least 0, got -1"),
    ],
)
def test_wrong_arguments(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TinyImages(**arguments)


def test_fewer_validation_images_than_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TinyImages, "_world_size", 4)
    data = TinyImages(batch_size=4, num_validation=3)
    with pytest.raises(DataError, match="each of the 4 processes needs a val image, got 3"):
        data.setup("fit")


def test_fewer_test_images_than_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TinyImages, "_world_size", 21)
    data = TinyImages(batch_size=4)
    with pytest.raises(DataError, match=r"test image, got 20 in all; .* have more test images"):
        data.setup("test")


@pytest.mark.parametrize("stage", ["fit", "test"])
def test_binarised_images_are_0_below_one_half_and_1_from_there(stage: str) -> None:
    gray, binary = (
        TinyImages(4, num_validation=0, binarize=binarize) for binarize in (False, True)
    )
    for data in (gray, binary):
        data.setup(stage)
    loaders = [
        d.train_dataloader() if stage == "fit" else d.test_dataloader() for d in (gray, binary)
    ]
    for (expected, _), (images, _) in zip(*loaders, strict=True):
        assert images.dtype == torch.float32
        assert torch.equal(images, (expected >= 0.5).float())


def test_held_out_examples_are_a_part_of_all() -> None:
    kept, held_out = hold_out(25, None, "num_test")
    assert len(held_out) == 2
    assert kept.tolist() == sorted(kept.tolist())
    assert sorted([*kept.tolist(), *held_out.tolist()]) == list(range(25))
    assert torch.equal(hold_out(25, 7, "num_test")[1][:2], held_out)


@pytest.mark.parametrize(("n", "count"), [(0, None), (5, 5), (5, 6)])
def test_nothing_left_to_keep(n: int, count: int | None) -> None:
    with pytest.raises(DataError, match=f"`num_test` must be less than the {n} examples there are"):
        hold_out(n, count, "num_test")


def test_overfitting_takes_the_same_batches_each_epoch(tmp_path: Path) -> None:
    batches: list[Tensor] = []

    class Recorder(Callback):
        def on_train_batch_start(self, trainer: object, module: object, batch: Any, _: int) -> None:
            batches.append(batch[0])

    trainer = quiet_trainer(tmp_path, max_epochs=2, overfit_batches=2, callbacks=[Recorder()])
    trainer.fit(tiny_energy_vae(), TinyImages(batch_size=8))
    assert torch.equal(torch.cat(batches[:2]), torch.cat(batches[2:]))
