"""The exponential moving average of a generator's weights."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, final

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from callbacks.base.checks import check_at_least
from callbacks.base.model_callback import AbstractModelCallback
from hawc.arguments import whole_number
from hawc.printable import shortened
from lightning_modules.interface import AdversarialPair, provides

__all__ = ["GeneratorEMA", "find_generator_ema"]

_STATISTICS = ("running_mean", "running_var")  # names of torch's batch norm


@final
class GeneratorEMA(AbstractModelCallback):
    """Keeps an exponential moving average of the generator's weights.

    After the first generator step beyond `start_step` the average a is a copy of the weights w.
    After each later generator step, the n-th update, it becomes

        a <- d_n a + (1 - d_n) w,    d_n = min(decay, (1 + n) / (10 + n)).

    The smaller d_n at the beginning remove the untrained generator from the average, even in a
    short run. Batches without a generator step do not change it. The critic is not averaged.

    Running statistics of batch norms are averaged too, over updates and over processes. Other
    buffers are copied, since an average of, for example, the vectors of a power iteration is not
    such a vector. Half-precision weights are averaged in float32.

    Training does not use the average. `applied` puts it into the model temporarily, which `use_ema`
    of other callbacks and of `train.py sample` does. The average is part of the checkpoint. A run
    resumed from a checkpoint without one starts a new average.

    Args:
        decay: weight of the previous average, in [0, 1).
        start_step: generator steps before the first copy, at least 0.

    Raises:
        ValueError: if a number is out of its range, or (when training starts) if the checkpoint's
            average does not fit the generator.
        TypeError: (when a run starts) if the model has no critic and generator.

    Source: averages of generators: Yazici et al. 2019, "The Unusual Effectiveness of Averaging in
    GAN Training", arXiv 1806.04498; (1 + n) / (10 + n): the moving averages of TensorFlow.
    """

    def __init__(self, decay: float = 0.999, start_step: int = 0) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"`decay` must be at least 0 and below 1, got {decay}.")
        check_at_least(0, start_step=start_step)
        self._decay = decay
        self._start_step = start_step
        self._average: dict[str, Tensor] = {}
        self._num_updates = 0
        self._seen_step = 0

    @property
    def model_protocol(self) -> type:
        return AdversarialPair

    @property
    def is_ready(self) -> bool:
        """Whether there has been a first update."""
        return bool(self._average)

    def state_dict(self) -> dict[str, Any]:
        return {
            "average": {name: value.clone() for name, value in self._average.items()},
            "num_updates": self._num_updates,
            "seen_step": self._seen_step,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._average = {name: value.clone() for name, value in state_dict["average"].items()}
        self._num_updates = whole_number("num_updates", state_dict["num_updates"], 0)
        self._seen_step = whole_number("seen_step", state_dict["seen_step"], 0)

    def check_restored(self, module: LightningModule) -> None:
        assert provides(module, AdversarialPair)  # checked before
        if self._average:
            _check_same_shapes(self._average, module.generator)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert provides(pl_module, AdversarialPair)  # checked in setup
        if self._average:
            _check_same_shapes(self._average, pl_module.generator)
            self._average = {k: value.to(pl_module.device) for k, value in self._average.items()}
        else:
            self._seen_step = pl_module.generator_step

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        step = int(pl_module.generator_step)
        if step != self._seen_step:
            self._seen_step = step
            if step > self._start_step:
                self._update(trainer, pl_module.generator)

    @contextmanager
    def applied(self, module: LightningModule) -> Iterator[None]:
        """Replaces the generator's weights by the average, and restores them afterwards.

        Changes nothing before the first update. Processes need not enter together.
        """
        if not self._average:
            yield
            return
        present = module.generator.state_dict()
        trained = {name: value.clone() for name, value in present.items()}
        _copy(self._average, present)
        try:
            yield
        finally:
            _copy(trained, present)

    def _update(self, trainer: Trainer, generator: nn.Module) -> None:
        state = generator.state_dict()  # detached, and in the generator's memory
        statistics = [name for name in state if name.endswith(_STATISTICS)]
        if statistics and trainer.world_size > 1:
            state.update(_mean_over_processes(trainer, {name: state[name] for name in statistics}))
        if not self._average:
            self._average = {name: _precise(value).clone() for name, value in state.items()}
            return
        self._num_updates += 1
        rate = min(self._decay, (1 + self._num_updates) / (10 + self._num_updates))
        # a weight shared by two layers has two names in the state, so both are averaged
        weights = generator.named_parameters(remove_duplicate=False)
        averaged = {name for name, _ in weights}.union(statistics)
        names = [name for name in state if name in averaged]
        new = [_precise(state[name]) for name in names]
        get_ema_multi_avg_fn(rate)([self._average[name] for name in names], new, None)
        for name in state.keys() - averaged:
            self._average[name].copy_(state[name])


def find_generator_ema(callbacks: Sequence[Callback], requested_by: str) -> GeneratorEMA:
    """Returns the GeneratorEMA of a run.

    Args:
        callbacks: all callbacks of the run.
        requested_by: name of the callback with `use_ema`, for the message.

    Raises:
        ValueError: if there is none.
    """
    for callback in callbacks:
        if isinstance(callback, GeneratorEMA):
            return callback
    raise ValueError(
        f"`use_ema` of {requested_by} needs a GeneratorEMA among the callbacks, got none; add one "
        "or set `use_ema` to false."
    )


def _precise(value: Tensor) -> Tensor:
    is_half = value.is_floating_point() and value.dtype.itemsize < 4
    return value.float() if is_half else value


def _mean_over_processes(trainer: Trainer, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    flat = torch.cat([_precise(value).flatten() for value in tensors.values()])
    mean = trainer.strategy.reduce(flat, reduce_op="mean")
    parts = mean.split([value.numel() for value in tensors.values()])
    named = zip(tensors.items(), parts, strict=True)
    return {name: part.view_as(value) for (name, value), part in named}


@torch.no_grad()
def _copy(source: dict[str, Tensor], target: dict[str, Tensor]) -> None:
    for name, value in target.items():
        value.copy_(source[name])  # in place, since optimizers and graphs hold these tensors


def _check_same_shapes(average: dict[str, Tensor], generator: nn.Module) -> None:
    state = generator.state_dict()
    for name in sorted(state.keys() | average.keys(), key=str):
        if not (name in average and name in state and average[name].shape == state[name].shape):
            raise ValueError(
                "the average of GeneratorEMA must fit the generator, got one whose "
                f"{shortened(str(name), 80)} is missing or has another shape; train the model of "
                "the checkpoint."
            )
