"""Loss curves of a whole training, including the part before a resume."""

import copy
import math
from typing import Any, final

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from callbacks.base.images import LoggedImage, log_image, new_figure
from hawc.arguments import whole_number

__all__ = ["LossCurves"]

_STAGES = ("train", "val")
_NOT_LOSSES = ("_step", "_epoch")  # step counters, and suffixes that Lightning adds


@final
class LossCurves(Callback):
    """Plots logged training and validation values over epochs when training ends.

    Writes loss-curves.png to <run folder>/images and "images/loss-curves" to W&B, with one panel
    for train/<term> and val/<term> of each term. A training value is the epoch's mean over every
    `log_every_n_steps`-th batch and the last one. The values are part of the checkpoint, so the
    curves of a resumed run begin at the first epoch. An interrupted or failed training writes the
    curves too.

    Args:
        terms: terms to plot, such as ["loss", "kl"]; None for all that are logged in training
            except step counters (train/..._step).

    Raises:
        ValueError: if `terms` is empty.
    """

    def __init__(self, terms: list[str] | None = None) -> None:
        if terms is not None and not terms:
            raise ValueError(
                "`terms` must name at least one logged term, got none; null means all."
            )
        self._terms = terms
        self._curves: dict[str, dict[int, float]] = {}  # key -> epoch from 1 -> value
        self._readings: dict[str, list[float]] = {}  # of the current epoch

    def state_dict(self) -> dict[str, Any]:
        return copy.deepcopy({"curves": self._curves, "readings": self._readings})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        curves, readings = state_dict["curves"], state_dict["readings"]
        self._curves = {
            str(name): {whole_number("epoch", e, 0): float(v) for e, v in curve.items()}
            for name, curve in curves.items()
        }
        self._readings = {str(name): [float(v) for v in vs] for name, vs in readings.items()}

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        interval = max(trainer.log_every_n_steps, 1)  # Lightning uses 0 for never
        if (batch_idx + 1) % interval == 0 or trainer.is_last_batch:
            for name, value in _logged(trainer, "train/").items():
                self._readings.setdefault(name, []).append(value)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            for name, value in _logged(trainer, "val/").items():
                self._curves.setdefault(name, {})[trainer.current_epoch + 1] = value

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for name, values in self._readings.items():
            mean = math.fsum(values) / len(values) if all(map(math.isfinite, values)) else math.nan
            self._curves.setdefault(name, {})[trainer.current_epoch + 1] = mean
        self._readings = {}

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._log_figure(trainer)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self._log_figure(trainer)

    def _log_figure(self, trainer: Trainer) -> None:
        panels = self._panels()
        if trainer.is_global_zero and panels:
            epoch = max(max(curve) for panel in panels.values() for curve in panel.values())
            caption = f"loss curves of {epoch} epochs"
            image = LoggedImage("images/loss-curves", _figure(panels), caption, True)
            log_image(trainer, image, epoch)

    def _panels(self) -> dict[str, dict[str, dict[int, float]]]:
        """Returns term -> stage -> epoch -> value for the selected terms with values."""
        logged = [name.removeprefix("train/") for name in self._curves if name.startswith("train/")]
        shown = [term for term in logged if not term.endswith(_NOT_LOSSES)]
        panels = {
            term: {s: c for s in _STAGES if (c := self._curves.get(f"{s}/{term}"))}
            for term in self._terms or shown
        }
        return {term: panel for term, panel in panels.items() if panel}


def _logged(trainer: Trainer, prefix: str) -> dict[str, float]:
    metrics = trainer.callback_metrics
    return {name: float(value) for name, value in metrics.items() if name.startswith(prefix)}


def _figure(panels: dict[str, dict[str, dict[int, float]]]) -> Figure:
    columns = len(panels) if len(panels) <= 3 else math.ceil(math.sqrt(len(panels)))
    lines = math.ceil(len(panels) / columns)
    figure = new_figure(4.2 * columns, 3.0 * lines)
    all_axes = list(figure.subplots(lines, columns, squeeze=False).flat)
    for (term, panel), axes in zip(panels.items(), all_axes, strict=False):
        _plot_panel(axes, term, panel)
    for axes in all_axes[len(panels) :]:
        axes.set_axis_off()
    return figure


def _plot_panel(axes: Axes, term: str, panel: dict[str, dict[int, float]]) -> None:
    for stage, curve in panel.items():
        epochs = sorted(curve)
        marker = "o" if len(epochs) <= 20 else ""
        axes.plot(epochs, [curve[e] for e in epochs], marker=marker, ms=3.5, label=stage)
    values = [v for curve in panel.values() for v in curve.values() if math.isfinite(v)]
    if values and min(values) > 0 and max(values) > 20 * min(values):
        axes.set_yscale("log")
    axes.set_title(term)
    axes.set_xlabel("epoch")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.legend()
