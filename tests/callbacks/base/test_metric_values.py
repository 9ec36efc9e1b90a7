"""Names and values of metrics, their reset, and shares of processes."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from callbacks.base.metric_values import (
    check_reset_clears_real,
    compute_metrics,
    num_local_examples,
)
from datamodules.batch_loader import BatchLoader
from metrics import PRDC, BinnedDivergences, Wasserstein1

CPU = torch.device("cpu")
REAL = torch.tensor([[0.0], [1.0]])
GENERATED = REAL + 1


def test_one_value_and_parts_are_named() -> None:
    metrics = {"w": Wasserstein1(), "b": BinnedDivergences(low=0.0, high=3.0, num_bins=3)}
    values = compute_metrics(metrics, GENERATED, REAL, CPU, "here")
    parts = ("total_variation", "kl", "reverse_kl", "jensen_shannon")
    assert set(values) == {"here/w", *(f"here/b/{part}" for part in parts)}
    assert float(values["here/w"]) == 1.0
    assert float(values["here/b/total_variation"]) == 0.5
    assert {value.dtype for value in values.values()} == {torch.float32}


def test_nothing_is_kept_between_calls() -> None:
    metric = Wasserstein1()
    metric.update(torch.full((2, 1), 9.0), real=True)  # of another user
    for _ in range(2):
        assert float(compute_metrics({"w": metric}, GENERATED, REAL, CPU, "here")["here/w"]) == 1.0
    assert not metric.update_called


def test_a_metric_that_keeps_real_examples_is_refused() -> None:
    metrics = {"w": Wasserstein1(), "kept": PRDC(nn.Flatten(), 2, keep_real=True)}
    with pytest.raises(ValueError, match=r"`metrics` must forget real examples .* got kept with"):
        check_reset_clears_real(metrics)
    check_reset_clears_real({"w": Wasserstein1()})


@pytest.mark.parametrize(("n", "size"), [(7, 1), (7, 2), (8, 2), (9, 4), (3, 3)])
def test_shares_are_together_the_first_examples(n: int, size: int) -> None:
    examples = torch.arange(20.0)[:, None]
    shares = []
    for rank in range(size):
        trainer: Any = SimpleNamespace(global_rank=rank, world_size=size)
        loader = BatchLoader(examples, examples, 2, rank=rank, world_size=size)
        local = torch.cat([batch for batch, _ in loader])
        shares.append(local[: num_local_examples(n, trainer)])
    assert torch.equal(torch.cat(shares).sort(0).values, examples[:n])


def test_each_process_has_an_example() -> None:
    last: Any = SimpleNamespace(global_rank=3, world_size=4)
    assert num_local_examples(2, last) == 1
