"""What train.py calls after each step to be timed."""

from typing import Any, ClassVar, final

from lightning import Callback

from benchmarks.turns import Tick

__all__ = ["TickCallback"]


@final
class TickCallback(Callback):
    """Ticks after each batch; a command line can name it, so what it ticks is the class's."""

    tick: ClassVar[Tick]

    def on_train_batch_end(self, *_: Any) -> None:
        type(self).tick()
