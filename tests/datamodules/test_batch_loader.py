"""The loader: whole epochs, exact shares, and positions that are restored."""

from collections.abc import Iterable

import pytest
import torch
from torch import Tensor

from datamodules.batch_loader import BatchLoader

N = 23
IMAGES = torch.arange(N, dtype=torch.uint8).reshape(N, 1, 1, 1).expand(N, 1, 2, 2).contiguous()
LABELS = torch.arange(N)


def labels_of(batches: Iterable[tuple[Tensor, Tensor]]) -> list[int]:
    return [int(label) for _, labels in batches for label in labels]


def test_images_are_floats_between_zero_and_one() -> None:
    images, labels = next(iter(BatchLoader(IMAGES, LABELS, 4)))
    assert images.dtype == torch.float32
    assert torch.equal(images[:, 0, 0, 0], labels.float() / 255)
    full = torch.full((2, 1, 1, 1), 255, dtype=torch.uint8)
    assert next(iter(BatchLoader(full, LABELS[:2], 2)))[0].max() == 1


def test_float_rows_do_not_change() -> None:
    rows = torch.linspace(-3, 300, 2 * N).reshape(N, 2)
    loader = BatchLoader(rows, LABELS, 5)
    assert torch.equal(torch.cat([served for served, _ in loader]), rows)


def test_in_order_without_shuffling_and_complete() -> None:
    loader = BatchLoader(IMAGES, LABELS, 5)
    assert labels_of(loader) == list(range(N))
    assert len(loader) == len(list(loader)) == 5


def test_shuffled_epochs_are_whole_batches_in_new_orders() -> None:
    loader = BatchLoader(IMAGES, LABELS, 5, shuffle=True, seed=1)
    first, second = labels_of(loader), labels_of(loader)
    assert len(loader) == 4
    assert len(set(first)) == len(first) == 20
    assert first != second


def test_order_depends_on_seed_and_epoch_alone() -> None:
    loader = BatchLoader(IMAGES, LABELS, 5, shuffle=True, seed=1)
    first, second = labels_of(loader), labels_of(loader)
    torch.manual_seed(123)
    again = BatchLoader(IMAGES, LABELS, 5, shuffle=True, seed=1)
    again.sampler.set_epoch(1)
    assert labels_of(again) == second
    again.sampler.set_epoch(0)
    assert labels_of(again) == first
    assert labels_of(BatchLoader(IMAGES, LABELS, 5, shuffle=True, seed=2)) != first


def test_global_random_numbers_are_not_used() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    labels_of(BatchLoader(IMAGES, LABELS, 5, shuffle=True))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("delivered", [0, 1, 3, 4])
def test_continues_at_its_position(delivered: int) -> None:
    loader = BatchLoader(IMAGES, LABELS, 5, shuffle=True, seed=1)
    labels_of(loader)
    whole = labels_of(loader) + labels_of(loader)  # epochs 1 and 2
    loader.set_epoch(1)
    iterator = iter(loader)
    before = [next(iterator) for _ in range(delivered)]
    # a checkpoint before the first batch of an epoch holds the end of the previous one
    resumed = BatchLoader(IMAGES, LABELS, 5, shuffle=True, seed=1)
    resumed.load_state_dict(loader.state_dict() if delivered else {"epoch": 0, "position": 4})
    after = list(resumed) if delivered < 4 else []
    assert labels_of(before) + labels_of(after) + labels_of(resumed) == whole


def test_an_epoch_starts_from_the_beginning_after_an_early_stop() -> None:
    loader = BatchLoader(IMAGES, LABELS, 5, shuffle=True, seed=1)
    first = labels_of(loader)
    loader.set_epoch(0)
    next(iter(loader))
    state = loader.state_dict()
    loader.set_epoch(0)
    assert labels_of(loader) == first
    resumed = BatchLoader(IMAGES, LABELS, 5, shuffle=True, seed=1)
    resumed.load_state_dict(state)
    resumed.set_epoch(1)  # the interrupted epoch was limited to one batch
    assert len(labels_of(resumed)) == 20


@pytest.mark.parametrize("world_size", [2, 3])
@pytest.mark.parametrize("shuffle", [True, False])
def test_processes_share_the_data_without_overlap(world_size: int, shuffle: bool) -> None:
    loaders = [
        BatchLoader(IMAGES, LABELS, 3, shuffle=shuffle, seed=1, rank=rank, world_size=world_size)
        for rank in range(world_size)
    ]
    shares = [labels_of(loader) for loader in loaders]
    together = [label for share in shares for label in share]
    assert [len(loader) for loader in loaders] == [len(list(loader)) for loader in loaders]
    assert len(set(together)) == len(together)
    if shuffle:
        assert len({len(share) for share in shares}) == 1
        assert len({len(loader) for loader in loaders}) == 1
    else:
        assert sorted(together) == list(range(N))


def test_no_process_gets_an_empty_batch() -> None:
    for n in range(2, 14):
        for batch_size in (1, 3, 5):
            for rank in (0, 1):
                loader = BatchLoader(IMAGES[:n], LABELS[:n], batch_size, rank=rank, world_size=2)
                assert all(len(labels) for _, labels in loader)
