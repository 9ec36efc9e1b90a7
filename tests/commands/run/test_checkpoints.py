"""Checkpoints that fit, can be resumed, or hold an average."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from commands.errors import UsageError
from commands.run.checkpoints import (
    check_checkpoint,
    check_resumable,
    check_unfinished,
    holds_average,
    load_average,
    load_weights,
)
from tests.helpers import (
    TinyImages,
    quiet_trainer,
    same_weights,
    tiny_energy_vae,
    tiny_wgan,
    weights,
)


def save(state: dict[str, torch.Tensor], path: Path) -> None:
    torch.save({"state_dict": state, "pytorch-lightning_version": "2.6.0"}, path)


def test_a_fitting_one_passes(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    save(tiny_energy_vae().state_dict(), path)
    check_checkpoint(path, tiny_energy_vae())


def test_weights_alone_cannot_be_resumed(tmp_path: Path) -> None:
    path, model = tmp_path / "model.ckpt", tiny_energy_vae()
    trainer = quiet_trainer(tmp_path, limit_train_batches=1)
    trainer.fit(model, TinyImages(batch_size=24))
    trainer.save_checkpoint(path)
    check_resumable(path, model)
    trainer.save_checkpoint(path, weights_only=True)
    check_checkpoint(path, model)
    message = "must hold optimizer_states to resume a training, got only weights in"
    with pytest.raises(UsageError, match=message):
        check_resumable(path, model)
    trainer.save_checkpoint(path)
    torch.save({**torch.load(path, weights_only=False), "optimizer_states": []}, path)
    with pytest.raises(UsageError, match=message):
        check_resumable(path, model)
    with pytest.raises(UsageError, match="is of another model than the configured WGAN"):
        check_resumable(path, tiny_wgan())


LIMITS: list[tuple[dict[str, Any], str]] = [
    ({"max_epochs": 2}, "`trainer.max_epochs` must be above 2, the epochs in `ckpt_path`"),
    ({"max_epochs": 1}, "`trainer.max_epochs` must be above 2, .* got 1; raise it"),
    ({"max_epochs": -1, "max_steps": 4}, "`trainer.max_steps` must be above 6, .* got 4; raise"),
    (
        {"fast_dev_run": True},
        "`trainer.fast_dev_run` must be used without .* already made 1 epochs",
    ),
    ({"max_epochs": 3}, ""),
    ({"max_epochs": -1, "max_steps": 7}, ""),
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last checkpoint of a run of two epochs with three steps each."""
    folder = tmp_path_factory.mktemp("run")
    saving = ModelCheckpoint(folder / "checkpoints", "last", save_on_train_epoch_end=True)
    arguments = {"max_epochs": 2, "enable_checkpointing": True, "callbacks": [saving]}
    quiet_trainer(folder, **arguments).fit(tiny_energy_vae(), TinyImages(batch_size=24))
    return folder / "checkpoints" / "last.ckpt"


@pytest.mark.parametrize(("limits", "message"), LIMITS)
def test_a_training_at_its_limit_is_not_resumed(
    limits: dict[str, Any], message: str, finished: Path
) -> None:
    trainer, run_folder = quiet_trainer(Path(), **limits), finished.parent.parent
    if message:
        with pytest.raises(UsageError, match=message):
            check_unfinished(finished, trainer, Path("another"))
    else:
        check_unfinished(finished, trainer, Path("another"))
        trainer.fit(tiny_energy_vae(), TinyImages(batch_size=24), ckpt_path=str(finished))
        assert trainer.global_step > 6
    check_unfinished(finished, trainer, run_folder)  # a job that starts again


def test_only_weights_are_loaded(tmp_path: Path) -> None:
    path, saved, model = tmp_path / "model.ckpt", weights(tiny_wgan()), tiny_wgan()
    content = {"state_dict": saved, "pytorch-lightning_version": "2.6.0", "optimizer_states": [0]}
    torch.save(content, path)
    assert not same_weights(weights(model), saved)
    load_weights(path, model)
    assert same_weights(weights(model), saved)
    with pytest.raises(UsageError, match="is of another model than the configured EnergyVAE"):
        load_weights(path, tiny_energy_vae())


def test_errors_of_files_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="`ckpt_path` must be a checkpoint file, got"):
        check_checkpoint(tmp_path / "none.ckpt", tiny_wgan())
    with pytest.raises(UsageError, match="`ckpt_path` must be a checkpoint file, got"):
        load_average(tmp_path / "none.ckpt", tiny_wgan())


def with_average(model: torch.nn.Module, average: object, path: Path) -> None:
    content = {"state_dict": model.state_dict(), "pytorch-lightning_version": "2.6.0"}
    torch.save({**content, "callbacks": {"GeneratorEMA": {"average": average}}}, path)


def test_an_average_replaces_only_the_generator(tmp_path: Path) -> None:
    path, model = tmp_path / "model.ckpt", tiny_wgan()
    kept, before = weights(tiny_wgan().generator), weights(model)
    with_average(model, kept, path)
    assert holds_average(path)
    load_average(path, model)
    expected = {**before, **{f"generator.{name}": value for name, value in kept.items()}}
    assert same_weights(weights(model), expected)


@pytest.mark.parametrize("average", [None, {}])
def test_a_checkpoint_without_an_average(average: object, tmp_path: Path) -> None:
    path, model = tmp_path / "model.ckpt", tiny_wgan()
    with_average(model, average, path)
    message = "`use_ema` needs a checkpoint with an average of the callback GeneratorEMA, got"
    with pytest.raises(UsageError, match=message):
        load_average(path, model)
    save(model.state_dict(), path)
    assert not holds_average(path)
    with pytest.raises(UsageError, match=message):
        load_average(path, model)


def test_an_average_of_another_generator(tmp_path: Path) -> None:
    path, wide = tmp_path / "model.ckpt", tiny_wgan(latent_dim=7)
    with_average(wide, wide.generator.state_dict(), path)
    for model in (tiny_wgan(), tiny_energy_vae()):
        with pytest.raises(UsageError, match="`use_ema` needs an average of this generator, got"):
            load_average(path, model)
