"""Two domains: shuffled independently or in pairs, split, of different size."""

from typing import final

import pytest
import torch
from torch import Tensor

from datamodules import DataError
from datamodules.two_domains import AbstractTwoDomains


@final
class Numbers(AbstractTwoDomains):
    """Images of one pixel that show their number; those of B start at 100."""

    example = "number"

    def __init__(self, n_a: int, n_b: int, paired: bool, batch_size: int = 2) -> None:
        super().__init__(batch_size, None)
        self._sizes, self._paired = (n_a, n_b), paired

    @property
    def image_shape(self) -> tuple[int, ...]:
        return (1, 1, 1)

    @property
    def is_paired(self) -> bool:
        return self._paired

    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        a, b = (torch.arange(n, dtype=torch.uint8).reshape(-1, 1, 1, 1) for n in self._sizes)
        return a, b + 100


def served(data: Numbers, split: str) -> tuple[Tensor, Tensor]:
    data.setup("test" if split == "test" else "fit")
    batches = list(getattr(data, f"{split}_dataloader")())
    a, b = (torch.cat([batch[i] for batch in batches]).flatten() * 255 for i in (0, 1))
    return a.round().int(), b.round().int() - 100


def test_pairs_stay_together() -> None:
    for split in ("train", "val", "test"):
        a, b = served(Numbers(40, 40, paired=True), split)
        assert torch.equal(a, b)
    assert not torch.equal(a.sort().values, served(Numbers(40, 40, True), "train")[0])


def test_unpaired_domains_of_one_size_are_shuffled_independently() -> None:
    a, b = served(Numbers(40, 40, paired=False), "train")
    assert len(a) == len(b) == 36
    assert (a == b).sum() < 10  # one is expected of independent orders


def test_domains_of_different_size() -> None:
    a, b = served(Numbers(20, 50, paired=False), "train")
    assert len(a.unique()) == len(b.unique()) == 18
    for split, size in (("val", 2), ("test", 20)):
        a, b = served(Numbers(20, 50, paired=False), split)
        assert len(a) == len(b) == size


def test_the_smaller_domain_bounds_the_batch() -> None:
    with pytest.raises(DataError, match=r"`batch_size` must be at most 18, the number of training"):
        Numbers(20, 50, False, batch_size=19).setup("fit")


def test_orders_depend_on_the_seed_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    orders = []
    for seed in ("1", "1", "2"):
        monkeypatch.setenv("PL_GLOBAL_SEED", seed)
        orders.append(torch.cat(served(Numbers(40, 40, False), "train")))
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])
