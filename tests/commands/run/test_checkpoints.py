"""Checkpoints that fit, can be resumed, or hold an average."""

from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from callbacks import (
    EpochCompletion,
    GeneratorEMA,
    HistoryAwareSampling,
    LossCurves,
    LossSwings,
)
from commands.errors import UsageError
from commands.run.checkpoints import (
    check_checkpoint,
    check_unfinished,
    holds_average,
    load_average,
    load_weights,
)
from lightning_modules import WGAN
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


def test_weights_alone_cannot_be_resumed(tmp_path: Path) -> None:
    path, model = tmp_path / "model.ckpt", tiny_energy_vae()
    trainer = quiet_trainer(tmp_path, limit_train_batches=1)
    trainer.fit(model, TinyImages(batch_size=24))
    trainer.save_checkpoint(path)
    check_checkpoint(path, model, trainer)
    trainer.save_checkpoint(path, weights_only=True)
    check_checkpoint(path, model, trainer, "test")
    message = "must hold optimizer_states to resume a training, got only weights in"
    with pytest.raises(UsageError, match=message):
        check_checkpoint(path, model, trainer)
    trainer.save_checkpoint(path)
    torch.save({**torch.load(path, weights_only=False), "optimizer_states": []}, path)
    with pytest.raises(UsageError, match=message):
        check_checkpoint(path, model, trainer)
    with pytest.raises(UsageError, match="is of another model than the configured WGAN"):
        check_checkpoint(path, tiny_wgan(), trainer)


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
        check_checkpoint(tmp_path / "none.ckpt", tiny_wgan(), quiet_trainer(tmp_path))
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


def callbacks() -> list[Callback]:
    return [
        *(GeneratorEMA(), HistoryAwareSampling(num_samples=4), LossCurves(), LossSwings()),
        *(ModelCheckpoint(Path("kept"), monitor=None), EpochCompletion()),
    ]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The content of a checkpoint of a GAN with all callbacks that have states."""
    folder = tmp_path_factory.mktemp("trained")
    used = callbacks()
    used[4] = ModelCheckpoint(folder, every_n_epochs=9)
    trainer = quiet_trainer(folder, callbacks=used, enable_checkpointing=True)
    trainer.fit(make_gan(), TinyImages(batch_size=24))
    trainer.save_checkpoint(folder / "a.ckpt")
    return torch.load(folder / "a.ckpt", weights_only=True)  # type: ignore[no-any-return]


@cache
def resuming_trainer() -> Trainer:
    return quiet_trainer(Path(), callbacks=callbacks(), enable_checkpointing=True)


def make_gan(**arguments: Any) -> WGAN:
    adam = partial(torch.optim.Adam, lr=1e-3)
    optimizers = {"generator_optimizer": adam, "critic_optimizer": adam}
    schedule = partial(torch.optim.lr_scheduler.StepLR, step_size=2)
    return tiny_wgan(**{**optimizers, "generator_scheduler": schedule, **arguments})


def check_changed(content: dict[str, Any], folder: Path, **arguments: Any) -> None:
    torch.save(content, folder / "changed.ckpt")
    check_checkpoint(folder / "changed.ckpt", make_gan(**arguments), resuming_trainer())


def test_an_unchanged_one_passes(trained: dict[str, Any], tmp_path: Path) -> None:
    check_changed(trained, tmp_path)
    faster = partial(torch.optim.Adam, lr=0.1, betas=(0.1, 0.2), weight_decay=0.1)
    check_changed(trained, tmp_path, generator_optimizer=faster)
    check_changed(trained, tmp_path, generator_scheduler=None)


@pytest.mark.parametrize(
    "optimizer",
    [
        partial(torch.optim.Adam, amsgrad=True),
        torch.optim.SGD,
        torch.optim.RMSprop,
        torch.optim.Adagrad,
        torch.optim.Adamax,
        torch.optim.NAdam,
        torch.optim.LBFGS,
    ],
)
def test_another_optimizer_is_refused(
    optimizer: Any, trained: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="`ckpt_path` must hold states that fit this run, got"):
        check_changed(trained, tmp_path, generator_optimizer=optimizer)
    without_notes = {k: v for k, v in trained.items() if k != "optimization_classes"}
    if optimizer is not torch.optim.LBFGS:  # cannot be tried without a loss
        with pytest.raises(UsageError, match="`ckpt_path` must hold states that fit this run"):
            check_changed(without_notes, tmp_path, generator_optimizer=optimizer)


ODD: list[Any] = ["text", None, -1, [], {"a": 1}]
PLACES = [
    ("global_step",),
    ("epoch",),
    ("pytorch-lightning_version",),
    ("alternating_steps",),
    ("alternating_steps", "critic_step"),
    ("optimization_classes",),
    ("optimization_classes", 0),
    ("loops",),
    ("loops", "fit_loop"),
    ("loops", "fit_loop", "epoch_progress"),
    ("loops", "fit_loop", "epoch_progress", "current"),
    ("loops", "fit_loop", "epoch_progress", "current", "processed"),
    ("loops", "fit_loop", "epoch_loop.batch_progress", "is_last_batch"),
    ("loops", "fit_loop", "epoch_loop.state_dict", "_batches_that_stepped"),
    ("loops", "fit_loop", "state_dict", "combined_loader", 0, "position"),
    ("optimizer_states", 0),
    ("optimizer_states", 0, "state"),
    ("optimizer_states", 0, "state", 0),
    ("optimizer_states", 0, "state", 0, "exp_avg"),
    ("optimizer_states", 0, "state", 0, "step"),
    ("optimizer_states", 0, "param_groups"),
    ("optimizer_states", 0, "param_groups", 0),
    ("optimizer_states", 0, "param_groups", 0, "params"),
    ("optimizer_states", 0, "param_groups", 0, "betas"),
    ("lr_schedulers", 0),
    ("lr_schedulers", 0, "last_epoch"),
    ("lr_schedulers", 0, "base_lrs"),
    ("callbacks", "GeneratorEMA"),
    ("callbacks", "GeneratorEMA", "average"),
    ("callbacks", "GeneratorEMA", "num_updates"),
    ("callbacks", "HistoryAwareSampling"),
    ("callbacks", "HistoryAwareSampling", "points"),
    ("callbacks", "HistoryAwareSampling", "notes"),
    ("callbacks", "HistoryAwareSampling", "num_features"),
    ("callbacks", "LossCurves", "curves"),
    ("callbacks", "LossSwings", "readings"),
    ("callbacks", "LossSwings", "seen", "critic"),
]


def replaced(content: Any, place: tuple[Any, ...], value: Any) -> Any:
    """Returns a copy with another value at a place."""
    if not place:
        return value
    copied = list(content) if isinstance(content, list | tuple) else dict(content)
    copied[place[0]] = replaced(content[place[0]], place[1:], value)
    return copied


@pytest.mark.parametrize("place", PLACES, ids=lambda place: "-".join(map(str, place)))
def test_odd_states_are_one_line(
    place: tuple[Any, ...], trained: dict[str, Any], tmp_path: Path
) -> None:
    messages = [message_of(replaced(trained, place, value), tmp_path) for value in ODD]
    assert sum(message is not None for message in messages) >= 3
    assert all("\n" not in message and len(message) < 600 for message in messages if message)


def message_of(content: dict[str, Any], folder: Path) -> str | None:
    try:
        check_changed(content, folder)
    except UsageError as error:
        return str(error)
    return None


def test_a_user_s_state_is_left_to_its_callback(trained: dict[str, Any], tmp_path: Path) -> None:
    callbacks = {**trained["callbacks"], "Own": {"any": [object, "thing"][1:]}}
    check_changed({**trained, "callbacks": callbacks}, tmp_path)
