"""Values of torchmetrics for generated against real examples."""

from collections.abc import Mapping

import torch
from lightning import Trainer
from torch import Tensor
from torchmetrics import Metric

from metrics import AbstractFeatureMetric

__all__ = ["check_reset_clears_real", "compute_metrics", "num_local_examples"]


def check_reset_clears_real(metrics: Mapping[str, Metric]) -> None:
    """Raises ValueError if a metric keeps real examples when it is reset.

    Callbacks pass them again each time, so they would accumulate.
    """
    for name, metric in metrics.items():
        if isinstance(metric, AbstractFeatureMetric) and metric.keeps_real:
            raise ValueError(
                "`metrics` must forget real examples when they are reset, got "
                f"{name} with keep_real=True; remove that argument."
            )


def compute_metrics(
    metrics: Mapping[str, Metric],
    generated: Tensor,
    real: Tensor,
    device: torch.device,
    prefix: str,
) -> dict[str, Tensor]:
    """Returns the value of each metric as <prefix>/<name>.

    A metric of several values has one entry <prefix>/<name>/<part> per value.

    Args:
        metrics: metrics by name; they are reset afterwards.
        generated: generated examples (n, ...).
        real: real examples (m, ...).
        device: device of the computation.
        prefix: first part of the names.
    """
    values: dict[str, Tensor] = {}
    for name, metric in metrics.items():
        metric.to(device).reset()
        metric.update(real.to(device), real=True)
        metric.update(generated.to(device), real=False)
        result = metric.compute()
        parts = result if isinstance(result, dict) else {"": result}
        values |= {f"{prefix}/{name}/{k}".rstrip("/"): v.float() for k, v in parts.items()}
        metric.reset()  # frees the features
    return values


def num_local_examples(n: int, trainer: Trainer) -> int:
    """Returns how many of the first n examples this process receives, at least 1.

    Examples are distributed round-robin. Each process needs at least one for its metrics.
    """
    return max(1, len(range(trainer.global_rank, n, trainer.world_size)))
