"""Which strategy trains a model in several processes."""

from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.strategies import DDPStrategy, Strategy

__all__ = ["ddp_strategy", "strategy_notice"]

_FINDS_UNUSED = "_find_unused_parameters_true"
_MISSES_UNUSED = "_find_unused_parameters_false"
_KINDS = ("ddp", "ddp_spawn", "ddp_fork", "ddp_notebook")


def ddp_strategy(model: LightningModule, options: dict[str, Any]) -> str | Strategy:
    """Returns the strategy that the trainer's options mean for this model.

    A model that steps several optimizers itself moves a part of its weights in each step. DDP would
    wait for gradients of the others for ever, and ends with a riddle about unused parameters
    instead; it must look for them, which costs a walk through the graph of each step. Any other
    model, a single process, and a strategy that was built by the user are left as they are.

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
    model: LightningModule, asked: str | Strategy, used: str | Strategy
) -> str | None:
    """Returns why another strategy is used than the one that the user named, None if it is not."""
    if asked in ("auto", used):
        return None
    return (
        f"`trainer.strategy` is {used}, not {asked}: a step of {type(model).__name__} moves one of "
        "its networks, and DDP must not wait for gradients of the other"
    )


def _means_ddp(options: dict[str, Any]) -> bool:
    """Returns what Lightning makes of "auto", which depends on the devices that are there."""
    named = {name: options[name] for name in ("accelerator", "devices", "num_nodes")}
    trainer = Trainer(**named, logger=False, enable_checkpointing=False)
    return isinstance(trainer.strategy, DDPStrategy)
