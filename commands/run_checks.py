"""Whether trainer, model, data and callbacks go together, found before anything is written."""

from lightning import LightningDataModule, LightningModule, Trainer

from callbacks.model_callback import AbstractModelCallback
from commands.errors import UsageError

__all__ = ["check_run"]


def check_run(
    stage: str, trainer: Trainer, model: LightningModule, datamodule: LightningDataModule
) -> None:
    """Raises UsageError for what would end the run later, or let it do what nobody meant.

    Args:
        stage: "fit", "validate" or "test".
        trainer: of the run, with its callbacks.
        model: as configured; its optimizers are made once to see whether they can be.
        datamodule: of the run, not yet set up.
    """
    _check_trainer_options(trainer, model)
    _check_model(model, stage)
    _check_domains(model, datamodule)
    _check_density(model, datamodule)
    _check_callbacks(trainer, model, datamodule)


def _check_trainer_options(trainer: Trainer, model: LightningModule) -> None:
    """Raises UsageError for what Lightning refuses of models that step optimizers themselves."""
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
    """Raises UsageError if the model cannot do what is asked or its optimizers cannot be made."""
    step = {"fit": "training_step", "validate": "validation_step", "test": "test_step"}[stage]
    if getattr(type(model), step) is getattr(LightningModule, step):
        raise UsageError(f"{type(model).__name__} has nothing to {stage}; it has no {step}.")
    try:
        model.configure_optimizers()
    except ValueError as error:
        raise UsageError(f"an optimizer of {type(model).__name__} is refused: {error}") from error


def _check_domains(model: LightningModule, datamodule: LightningDataModule) -> None:
    """Raises UsageError unless batches are of as many domains as the model takes.

    Whatever is of two domains says so by `num_domains`; all else is of one.
    """
    taken, given = (getattr(part, "num_domains", 1) for part in (model, datamodule))
    if taken != given:
        kinds = {1: "(examples, labels) of one domain", 2: "(a, b) of two domains"}
        others = {1: "`data` such as MNIST5k or CSVTable", 2: "`data` such as TwoFolders"}
        raise UsageError(
            f"`data` must serve batches {kinds[taken]} to {type(model).__name__}, got "
            f"{type(datamodule).__name__}, whose batches are {kinds[given]}; name {others[taken]}, "
            f"or another `model`{', such as DiscoGAN' if given == 2 else ''}."
        )


def _check_density(model: LightningModule, datamodule: LightningDataModule) -> None:
    """Raises UsageError if a model that `needs_density` gets data whose density nobody knows."""
    if getattr(model, "needs_density", False) and not hasattr(datamodule, "log_density"):
        raise UsageError(
            f"`data` must know its density for {type(model).__name__}, got "
            f"{type(datamodule).__name__}, which has no `log_density`; name data such as "
            "GaussianEllipse or Gaussians2."
        )


def _check_callbacks(
    trainer: Trainer, model: LightningModule, datamodule: LightningDataModule
) -> None:
    """Raises UsageError if a callback asks for what model, data or other callbacks have not."""
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
