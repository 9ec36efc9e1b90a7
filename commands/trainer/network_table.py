"""The table of networks that is printed when a training starts."""

from typing import Any, final

from lightning.pytorch.callbacks import ModelSummary
from rich import get_console
from rich.table import Table

__all__ = ["NetworkTable"]

_SHOWN = ("Name", "Type", "Params", "Mode")


@final
class NetworkTable(ModelSummary):
    """Prints Lightning's table of networks without the count of operations.

    Lightning counts the operations of a forward pass of the whole model. Models that alternate
    between two networks have no such pass, so the count would be 0.
    """

    @staticmethod
    def summarize(
        summary_data: list[tuple[str, list[str]]],
        total_parameters: int,
        trainable_parameters: int,
        model_size: float,
        total_training_modes: dict[str, int],
        total_flops: int,
        **summarize_kwargs: Any,
    ) -> None:
        """Prints the networks, the number of their weights and their size in memory."""
        columns = dict(summary_data)
        table = Table()
        for name in _SHOWN:
            table.add_column(name, justify="right" if name == "Params" else "left")
        for row in zip(*(columns[name] for name in _SHOWN), strict=True):
            table.add_row(*row)
        get_console().print(table)
        get_console().print(
            f"{total_parameters:,} weights, {trainable_parameters:,} of them trained, "
            f"{model_size:,.2f} MB"
        )
