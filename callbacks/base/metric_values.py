"""Measures of generated against real examples, taken anew at each look."""

from collections.abc import Mapping

import torch
from lightning import Trainer
from torch import Tensor
from torchmetrics import Metric

from metrics import AbstractFeatureMetric

__all__ = ["check_forgetful", "measured", "share_of_examples"]


def check_forgetful(metrics: Mapping[str, Metric]) -> None:
    """Returns if no measure keeps real examples when it is reset: they would pile up.

    Raises:
        ValueError: if one does.
    """
    for name, metric in metrics.items():
        if isinstance(metric, AbstractFeatureMetric) and metric.keeps_real:
            raise ValueError(
                f"`metrics` must forget real examples when they are reset, got {name} with "
                "keep_real=True; leave that out, as they are given anew each time."
            )


def measured(
    metrics: Mapping[str, Metric], made: Tensor, real: Tensor, device: torch.device, prefix: str
) -> dict[str, Tensor]:
    """Returns each measure as <prefix>/<name>, its parts as <prefix>/<name>/<part> if many.

    Args:
        metrics: by name; they are empty afterwards.
        made: generated examples (n, ...).
        real: examples (m, ...) to compare with.
        device: to measure on.
        prefix: of the names.
    """
    found = {}
    for name, metric in metrics.items():
        metric.to(device).reset()
        metric.update(real.to(device), real=True)
        metric.update(made.to(device), real=False)
        value = metric.compute()
        parts = value if isinstance(value, dict) else {"": value}
        found |= {f"{prefix}/{name}/{k}".rstrip("/"): v.float() for k, v in parts.items()}
        metric.reset()  # features of many examples are not kept between looks
    return found


def share_of_examples(n: int, trainer: Trainer) -> int:
    """Returns how many of the first n examples this process has, to which they are dealt by turns.

    One, if there are fewer than processes: each needs something to measure.
    """
    return max(1, len(range(trainer.global_rank, n, trainer.world_size)))
