"""The epochs and examples of images, and weights that do not depend on callbacks."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, seed_everything
from torch import nn

from callbacks import (
    HistoryAwareSampling,
    Interpolation,
    LatentMap,
    LatentStatistics,
    LossCurves,
    Reconstructions,
)
from callbacks.base.epoch_images import AbstractEpochImages
from callbacks.base.first_examples import Examples
from callbacks.base.images import LoggedImage
from lightning_modules import EnergyVAE
from tests.callbacks.runs import image_names, run
from tests.helpers import (
    TinyImages,
    TinyRows,
    quiet_trainer,
    same_weights,
    tiny_decoder,
    tiny_encoder,
    tiny_energy_vae,
    tiny_vae,
    weights,
)


class Note(AbstractEpochImages):
    """Records its examples and shows a dot."""

    def __init__(self, num_examples: int = 3, every_n_epochs: int = 1) -> None:
        super().__init__(num_examples, every_n_epochs)
        self.received: list[Examples] = []

    def make_images(self, module: LightningModule, examples: Examples) -> Iterable[LoggedImage]:
        assert not module.training
        self.received.append(examples)
        return [LoggedImage("images/dot", torch.zeros(3, 1, 1), "a dot")]


def all_callbacks() -> list[Callback]:
    return [
        HistoryAwareSampling(num_samples=4),
        Interpolation(num_pairs=2, num_steps=3),
        LatentMap(max_examples=10, grid_size=3),
        LatentStatistics(max_examples=10),
        LossCurves(),
        Reconstructions(num_examples=5),
    ]


@pytest.mark.parametrize("num_validation", [None, 0])
@pytest.mark.parametrize("make", [tiny_energy_vae, tiny_vae])
def test_weights_do_not_depend_on_any_callback(
    make: Callable[[], Any], num_validation: int | None, tmp_path: Path
) -> None:
    states = []
    for callbacks in ([], all_callbacks()):
        seed_everything(1)
        model = make()
        # batch norm and dropout make a change of mode or of the random state visible
        for network in (model.encoder, model.decoder):
            network.insert(2, nn.BatchNorm1d(16))
            network.insert(3, nn.Dropout(0.5))
        data = TinyImages(batch_size=24, num_validation=num_validation)
        trainer = quiet_trainer(tmp_path, max_epochs=3, callbacks=callbacks, num_sanity_val_steps=2)
        trainer.fit(model, data)
        states.append((weights(model), torch.rand(3)))
    assert same_weights(states[0][0], states[1][0])
    assert torch.equal(states[0][1], states[1][1])


def test_interval_and_last_epoch(tmp_path: Path) -> None:
    note = Note(every_n_epochs=2)
    run(tmp_path, note, max_epochs=5)
    assert image_names(tmp_path) == {f"epoch-{n:04d}-dot" for n in (2, 4, 5)}
    assert len(note.received) == 3


def test_the_last_epoch_is_shown_once(tmp_path: Path) -> None:
    note = Note()
    run(tmp_path, note, max_epochs=2)
    assert len(note.received) == 2


def test_the_first_validation_examples_each_time(tmp_path: Path) -> None:
    note, data = Note(), TinyImages(batch_size=24)
    run(tmp_path, note, data=data, max_epochs=2, num_sanity_val_steps=2)
    images, labels = next(iter(data.val_dataloader()))
    for examples in note.received:
        assert examples.origin == "validation"
        assert torch.equal(examples.images, images[:3])
        assert examples.labels is not None
        assert torch.equal(examples.labels, labels[:3])


def test_training_examples_without_validation(tmp_path: Path) -> None:
    note, data = Note(), TinyImages(batch_size=24, num_validation=0)
    run(tmp_path, note, data=data, max_epochs=2)
    images, _ = next(iter(data.train_dataloader()))  # of the first epoch
    for examples in note.received:
        assert examples.origin == "training"
        assert torch.equal(examples.images, images[:3])


def test_few_examples_are_not_repeated(tmp_path: Path) -> None:
    note, data = (
        Note(num_examples=50),
        TinyImages(batch_size=3),
    )  # more than the two of the sanity check
    run(tmp_path, note, data=data, max_epochs=2, val_check_interval=0.5, num_sanity_val_steps=2)
    assert [len(examples.images) for examples in note.received] == [8, 8]  # a tenth of 80


def test_another_fit_has_its_own_examples(tmp_path: Path) -> None:
    note = Note()
    run(tmp_path, note)
    rows = EnergyVAE((64,), 2, tiny_encoder, tiny_decoder)
    run(tmp_path, note, model=rows, data=TinyRows(batch_size=24))
    assert [examples.images.ndim for examples in note.received] == [4, 2]


@pytest.mark.parametrize("data", [TinyImages, TinyRows])
def test_fast_runs_and_evaluations_work_with_all_callbacks(
    data: type[TinyImages], tmp_path: Path
) -> None:
    delivered = data(batch_size=24)
    model = EnergyVAE(delivered.image_shape, 2, tiny_encoder, tiny_decoder)
    run(tmp_path, *all_callbacks(), model=model, data=delivered, fast_dev_run=True)
    assert "epoch-0001-reconstructions" in image_names(tmp_path)
    trainer = quiet_trainer(tmp_path, callbacks=all_callbacks())
    for evaluate in (trainer.validate, trainer.test):
        evaluate(model, data(batch_size=24), verbose=False)


def test_interval_must_be_positive() -> None:
    with pytest.raises(ValueError, match="`every_n_epochs` must be at least 1, got 0"):
        Note(every_n_epochs=0)
