"""Training by train.py with a tick after each batch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, final

from lightning import Callback

import train
from benchmarks.phases import Tick

__all__ = ["TickCallback", "train_and_tick"]

CONFIGS = Path(__file__).parent.parent / "configs"


@final
class TickCallback(Callback):
    """Ticks after each batch; the command line names it, so `tick` belongs to the class."""

    tick: ClassVar[Tick]

    def on_train_batch_end(self, *_: Any) -> None:
        type(self).tick()


def train_and_tick(config: str, words: Sequence[str], folder: str, tick: Tick) -> None:
    """Runs train.py on the CPU and ticks after each batch.

    Args:
        config: name of a file in configs/.
        words: further arguments of the command line.
        folder: of the run.
        tick: called after each batch.
    """
    TickCallback.tick = staticmethod(tick)
    train.main(
        [
            *("--config", str(CONFIGS / f"{config}.yaml"), "--run_folder", f"{folder}/run"),
            *("--trainer.num_sanity_val_steps", "0", "--trainer.accelerator", "cpu"),
            *("--trainer.callbacks+", f"{__name__}.{TickCallback.__name__}"),
            *words,
        ]
    )
