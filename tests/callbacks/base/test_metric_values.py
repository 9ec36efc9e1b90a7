"""Names and values by hand, that nothing is kept between looks, and what is refused."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from callbacks.base.metric_values import check_forgetful, measured, share_of_examples
from datamodules.batch_loader import BatchLoader
from metrics import PRDC, BinnedDivergences, Wasserstein1

CPU = torch.device("cpu")
REAL = torch.tensor([[0.0], [1.0]])
MADE = REAL + 1


def test_one_value_and_parts_are_named() -> None:
    metrics = {"w": Wasserstein1(), "b": BinnedDivergences(low=0.0, high=3.0, num_bins=3)}
    found = measured(metrics, MADE, REAL, CPU, "here")
    parts = ("total_variation", "kl", "reverse_kl", "jensen_shannon")
    assert set(found) == {"here/w", *(f"here/b/{part}" for part in parts)}
    assert float(found["here/w"]) == 1.0
    assert float(found["here/b/total_variation"]) == 0.5
    assert {value.dtype for value in found.values()} == {torch.float32}


def test_nothing_is_kept_between_looks() -> None:
    metric = Wasserstein1()
    metric.update(torch.full((2, 1), 9.0), real=True)  # somebody else's
    for _ in range(2):
        assert float(measured({"w": metric}, MADE, REAL, CPU, "here")["here/w"]) == 1.0
    assert not metric.update_called


def test_a_measure_that_keeps_real_items_is_refused() -> None:
    metrics = {"w": Wasserstein1(), "kept": PRDC(nn.Flatten(), 2, keep_real=True)}
    with pytest.raises(
        ValueError, match=r"`metrics` must forget real examples .* got kept with kee"
    ):
        check_forgetful(metrics)
    check_forgetful({"w": Wasserstein1()})


@pytest.mark.parametrize(("n", "size"), [(7, 1), (7, 2), (8, 2), (9, 4), (3, 3)])
def test_shares_are_the_items_that_one_process_would_take(n: int, size: int) -> None:
    examples = torch.arange(20.0)[:, None]
    taken = []
    for rank in range(size):
        trainer: Any = SimpleNamespace(global_rank=rank, world_size=size)
        loader = BatchLoader(examples, examples, 2, rank=rank, world_size=size)
        own = torch.cat([batch for batch, _ in loader])
        taken.append(own[: share_of_examples(n, trainer)])
    assert torch.equal(torch.cat(taken).sort(0).values, examples[:n])


def test_no_process_is_left_without_an_item() -> None:
    last: Any = SimpleNamespace(global_rank=3, world_size=4)
    assert share_of_examples(2, last) == 1
