"""Checks that trainer, model, data and callbacks fit each other."""

from collections.abc import Collection, Iterator, Sized
from typing import Any

from lightning import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.utilities.model_helpers import is_overridden

from callbacks.base.model_callback import AbstractModelCallback
from commands.errors import UsageError
from commands.run.batch_checks import PURPOSES, check_first_batch, check_loader_kind
from commands.run.callback_checks import check_lightning_callbacks
from lightning_modules.interface import HasDensity, NeedsDensity, TwoDomains, provides

__all__ = ["check_batches", "check_run"]


def check_run(
    stage: str, trainer: Trainer, model: LightningModule, datamodule: LightningDataModule
) -> None:
    """Raises UsageError for settings that would fail or be ignored later.

    Args:
        stage: "fit", "validate" or "test".
        trainer: of the run, with its callbacks.
        model: as configured; its optimizers are created once, which checks their settings.
        datamodule: of the run, not yet set up.
    """
    _check_trainer_numbers(trainer)
    if stage == "fit":
        _check_trains(trainer)
    _check_trainer_options(trainer, model)
    _check_model(model, stage)
    _check_loader(datamodule, stage)
    _check_domains(model, datamodule)
    _check_density(model, datamodule)
    check_lightning_callbacks(trainer, model, datamodule)
    _check_callbacks(trainer, model, datamodule)


def check_batches(
    stage: str, trainer: Trainer, model: LightningModule, datamodule: LightningDataModule
) -> None:
    """Raises UsageError if the number, the kind or the values of batches are wrong.

    Batches are counted as for one process. If only the shares of several processes are too small,
    Lightning reports it after the run folder is created. The first batch is read, see
    `first_batches`.

    Args:
        stage: "fit", "validate" or "test".
        trainer: of the run.
        model: as configured. A model without validation steps needs no validation batches.
        datamodule: of the run, set up for the stage.
    """
    for name, loader in _loaders(stage, trainer, model, datamodule):
        source = f"{type(datamodule).__name__}.{name}_dataloader"
        check_loader_kind(name, loader, model, source)
        batches = _length(loader)
        if batches is not None:
            _check_share(name, trainer, batches)
            if name == "train":
                _check_interval(trainer, batches)
        served = [] if batches == 0 else loader
        check_first_batch(stage, name, served, trainer, model, datamodule)


def _check_share(name: str, trainer: Trainer, batches: int) -> None:
    """Raises UsageError for a share of less than one batch."""
    share = getattr(trainer, f"limit_{name}_batches")
    if isinstance(share, float) and batches and 0 < share * batches < 1:
        both = name != "test" and trainer.overfit_batches
        option = "overfit_batches" if both else f"limit_{name}_batches"
        raise UsageError(
            f"`trainer.{option}` must be a number of batches or a share of at least one of the "
            f"{batches} {PURPOSES[name]}, got {share}; give 1 for a single batch."
        )


def _check_interval(trainer: Trainer, batches: int) -> None:
    """Raises UsageError for an interval between validations longer than an epoch."""
    interval, share = getattr(trainer, "val_check_interval", None), trainer.limit_train_batches
    held = int(batches * share) if isinstance(share, float) else min(batches, share)
    validates = trainer.limit_val_batches > 0 and trainer.check_val_every_n_epoch is not None
    if isinstance(interval, int) and validates and interval > held:
        raise UsageError(
            f"`trainer.val_check_interval` must be at most {held}, the batches of an epoch, "
            f"got {interval}; set `trainer.check_val_every_n_epoch` to null to count on over "
            "epochs."
        )


def _loaders(
    stage: str, trainer: Trainer, model: LightningModule, datamodule: LightningDataModule
) -> Iterator[tuple[str, Any]]:
    """Yields the name and the data module's result of each loader that is read."""
    for name in {"fit": ("train", "val"), "validate": ("val",), "test": ("test",)}[stage]:
        is_skipped = name == "val" and not is_overridden("validation_step", model)
        if is_skipped or not is_overridden(f"{name}_dataloader", datamodule):
            continue
        if getattr(trainer, f"limit_{name}_batches") == 0:
            continue
        loader = getattr(datamodule, f"{name}_dataloader")()
        means_none = isinstance(loader, (list, tuple)) and not loader
        if not (means_none and name == "val" and stage == "fit"):
            yield name, loader


def _length(loader: object) -> int | None:
    """Returns the number of batches; None for several loaders or an unknown number."""
    if not isinstance(loader, Sized) or isinstance(loader, Collection):
        return None
    try:
        return len(loader)
    # a stream; Lightning's CombinedLoader before it is iterated
    except (TypeError, NotImplementedError, RuntimeError):
        return None


def _check_trainer_numbers(trainer: Trainer) -> None:
    """Raises UsageError for intervals of 0, by which Lightning would divide."""
    for option in ("accumulate_grad_batches", "check_val_every_n_epoch", "val_check_interval"):
        value = getattr(trainer, option, None)  # no val_check_interval if it is given as a time
        is_share = isinstance(value, float) and value > 0
        if value is not None and value < 1 and not is_share:
            raise UsageError(f"`trainer.{option}` must be greater than 0, got {value}.")


def _check_trains(trainer: Trainer) -> None:
    """Raises UsageError for limits of 0: the training would end before its first step."""
    for option in ("max_epochs", "max_steps", "limit_train_batches"):
        if getattr(trainer, option) == 0:
            raise UsageError(
                f"`trainer.{option}` must be greater than 0 for `fit`, got 0; use `validate` or "
                "`test` to measure without training."
            )


def _check_trainer_options(trainer: Trainer, model: LightningModule) -> None:
    """Raises UsageError for options that manual optimization does not support."""
    instead = {}
    if trainer.gradient_clip_val not in (None, 0):
        instead["trainer.gradient_clip_val"] = "`model.max_gradient_norm`"
    if trainer.accumulate_grad_batches != 1:
        instead["trainer.accumulate_grad_batches"] = "a larger `data.batch_size`"
    for option, other in instead.items():
        if not model.automatic_optimization:
            raise UsageError(
                f"`{option}` must be left out for {type(model).__name__}, which steps two "
                f"optimizers itself; set {other} instead."
            )


def _check_model(model: LightningModule, stage: str) -> None:
    """Raises UsageError if the model lacks a step or a working optimizer."""
    step = {"fit": "training_step", "validate": "validation_step", "test": "test_step"}[stage]
    if getattr(type(model), step) is getattr(LightningModule, step):
        raise UsageError(
            f"`model` must have a {step} for `{stage}`, got {type(model).__name__} without one; "
            "use another command."
        )
    try:
        model.configure_optimizers()
    except ValueError as error:
        raise UsageError(f"an optimizer of {type(model).__name__} is refused: {error}") from error


def _check_loader(datamodule: LightningDataModule, stage: str) -> None:
    """Raises UsageError if the data have no loader for the stage."""
    loader = {"fit": "train", "validate": "val", "test": "test"}[stage] + "_dataloader"
    if not is_overridden(loader, datamodule):
        raise UsageError(
            f"`data` must have a {loader} for `{stage}`, got {type(datamodule).__name__}, which "
            "has none; name other data or write that method."
        )


def _check_domains(model: LightningModule, datamodule: LightningDataModule) -> None:
    """Raises UsageError unless data and model have the same number of domains.

    Data and models that do not provide `TwoDomains` are of one domain.
    """
    parts: tuple[Any, ...] = (model, datamodule)
    taken, given = (part.num_domains if provides(part, TwoDomains) else 1 for part in parts)
    if taken != given:
        kinds = {1: "(examples, labels) of one domain", 2: "(a, b) of two domains"}
        others = {1: "`data` such as MNIST5k or CSVTable", 2: "`data` such as TwoFolders"}
        raise UsageError(
            f"`data` must serve batches {kinds[taken]} to {type(model).__name__}, got "
            f"{type(datamodule).__name__}, whose batches are {kinds[given]}; name {others[taken]}, "
            f"or another `model`{', such as DiscoGAN' if given == 2 else ''}."
        )


def _check_density(model: LightningModule, datamodule: LightningDataModule) -> None:
    """Raises UsageError if a model that `NeedsDensity` gets data without `HasDensity`."""
    if provides(model, NeedsDensity) and not provides(datamodule, HasDensity):
        raise UsageError(
            f"`data` must have a `log_density` for {type(model).__name__}, got "
            f"{type(datamodule).__name__}, which has none; name data such as "
            "GaussianEllipse or Gaussians2."
        )


def _check_callbacks(
    trainer: Trainer, model: LightningModule, datamodule: LightningDataModule
) -> None:
    """Raises UsageError if a callback's needs are not met."""
    seen: set[str] = set()
    for callback in trainer.callbacks:
        if isinstance(callback, AbstractModelCallback) and callback.state_key in seen:
            raise UsageError(
                f"`trainer.callbacks` must name {type(callback).__name__} once, got it twice; "
                "remove one."
            )
        seen.add(callback.state_key)
        if isinstance(callback, AbstractModelCallback):
            try:
                callback.check_model(model)
                callback.check_surroundings(trainer.callbacks, datamodule)
            except (TypeError, ValueError) as error:
                raise UsageError(str(error)) from error
