"""Two domains in one loader: sizes, shares, and positions that are restored."""

import pytest
import torch
from torch import Tensor

from datamodules.batch_loader import BatchLoader
from datamodules.domain_loader import DomainLoader

SMALL, LARGE = 11, 23


def loader(n_a: int, n_b: int, rank: int = 0, world_size: int = 1) -> DomainLoader:
    def domain(n: int, seed: int) -> BatchLoader:
        numbers = torch.arange(n)
        return BatchLoader(
            numbers.float(), numbers, 2, shuffle=True, seed=seed, rank=rank, world_size=world_size
        )

    return DomainLoader(domain(n_a, 1), domain(n_b, 2))


def delivered(batches: list[tuple[Tensor, Tensor]]) -> list[list[list[float]]]:
    return [[part.tolist() for part in batch] for batch in batches]


@pytest.mark.parametrize("sizes", [(SMALL, LARGE), (LARGE, SMALL)])
def test_an_epoch_has_the_length_of_the_smaller_domain(sizes: tuple[int, int]) -> None:
    both = loader(*sizes)
    epochs = [list(both) for _ in range(2)]
    assert len(both) == len(epochs[0]) == len(epochs[1]) == SMALL // 2
    for domain in (0, 1):
        first, second = (torch.cat([batch[domain] for batch in epoch]) for epoch in epochs)
        assert len(first.unique()) == len(first)  # no example twice
        assert not torch.equal(first, second)


@pytest.mark.parametrize("sizes", [(SMALL, LARGE), (LARGE, SMALL), (SMALL, SMALL)])
@pytest.mark.parametrize("position", [1, 3, 5])
def test_continues_at_its_position(sizes: tuple[int, int], position: int) -> None:
    whole = loader(*sizes)
    expected = [delivered(list(whole)) for _ in range(3)]
    interrupted = loader(*sizes)
    interrupted.sampler.set_epoch(1)
    batches = iter(interrupted)
    for _ in range(position):
        next(batches)
    resumed = loader(*sizes)
    resumed.load_state_dict(interrupted.state_dict())
    rest = expected[1][position:]
    if rest:
        assert delivered(list(resumed)) == rest
    assert delivered(list(resumed)) == expected[2]


def test_processes_share_each_domain() -> None:
    shares = [list(loader(SMALL, LARGE, rank, 2)) for rank in (0, 1)]
    assert len(shares[0]) == len(shares[1]) == SMALL // 2 // 2
    for domain in (0, 1):
        of_both = torch.cat([batch[domain] for share in shares for batch in share])
        assert len(of_both.unique()) == len(of_both)
