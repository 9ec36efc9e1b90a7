"""Chooses the strategy that trains a model in several processes."""

from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.strategies import DDPStrategy, Strategy

__all__ = ["ddp_strategy", "strategy_notice"]

_FINDS_UNUSED = "_find_unused_parameters_true"
_MISSES_UNUSED = "_find_unused_parameters_false"
_KINDS = ("ddp", "ddp_spawn", "ddp_fork", "ddp_notebook")


def ddp_strategy(model: LightningModule, options: dict[str, Any]) -> str | Strategy:
    """Returns the strategy for a model and the trainer's options.

    A model with manual optimization may update only one network in a step. DDP then fails with a
    message about unused parameters, unless it searches the graph of each step for them. For such a
    model this search is switched on. Other models, a single process, and a strategy object of the
    user keep their strategy.

    Args:
        model: to be trained.
        options: of the trainer: accelerator, devices, num_nodes and strategy are read.
    """
    strategy: str | Strategy = options["strategy"]
    if model.automatic_optimization or isinstance(strategy, Strategy):
        return strategy
    if strategy == "auto":
        return f"ddp{_FINDS_UNUSED}" if _means_ddp(options) else strategy
    kind = strategy.removesuffix(_MISSES_UNUSED)
    return f"{kind}{_FINDS_UNUSED}" if kind in _KINDS else strategy


def strategy_notice(
    model: LightningModule, requested: str | Strategy, used: str | Strategy
) -> str | None:
    """Returns why the strategy is not the requested one, or None if it is."""
    if requested in ("auto", used):
        return None
    return (
        f"`trainer.strategy` is {used}, not {requested}: a step of {type(model).__name__} updates "
        "one of its networks, and DDP must not wait for gradients of the other"
    )


def _means_ddp(options: dict[str, Any]) -> bool:
    """Returns whether Lightning would choose DDP for "auto" on this machine."""
    named = {name: options[name] for name in ("accelerator", "devices", "num_nodes")}
    trainer = Trainer(**named, logger=False, enable_checkpointing=False)
    return isinstance(trainer.strategy, DDPStrategy)
