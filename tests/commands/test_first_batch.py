"""The first batch is what a run would get first, and the run then gets it as if never read."""

import random
from collections.abc import Iterator
from typing import Any, final

import numpy as np
import pytest
import torch
from lightning.pytorch.utilities import CombinedLoader
from torch import Tensor
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    Sampler,
    TensorDataset,
    get_worker_info,
    random_split,
)

from commands.first_batch import first_batches
from datamodules.batch_loader import BatchLoader

NUMBERS = TensorDataset(torch.arange(20.0))


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def all_random() -> tuple[float, ...]:
    return (torch.rand(()).item(), random.random(), float(np.random.rand()))  # noqa: NPY002


class Noise:
    """A transform with a generator of its own."""

    def __init__(self) -> None:
        self.generator = seeded()

    def __call__(self, number: Tensor) -> Tensor:
        return number + torch.rand((), generator=self.generator)


@final
class Augmented(Dataset[Tensor]):
    """Adds noise from generators of its own, and from all global ones."""

    def __init__(self) -> None:
        self.torch, self.numpy, self.calls = seeded(), np.random.default_rng(7), 0
        self.transform, self.counted = Noise(), self.count

    def count(self) -> None:
        self.calls += 1

    def __len__(self) -> int:
        return 20

    def __getitem__(self, index: int) -> Tensor:
        self.counted()
        noise = torch.rand((), generator=self.torch) + self.numpy.random() + self.calls
        return self.transform(noise + sum(all_random()) + index)


@final
class Counting(Sampler[int]):
    """Another order in each pass, by a count of its own."""

    def __init__(self) -> None:
        self.passes = 0

    def __iter__(self) -> Iterator[int]:
        self.passes += 1
        return iter([(i + 5 * self.passes) % 20 for i in range(20)])

    def __len__(self) -> int:
        return 20


@final
class Fresh(IterableDataset[Tensor]):
    """Begins anew each time, and counts how often."""

    def __init__(self) -> None:
        self.passes = 0

    def __iter__(self) -> Iterator[Tensor]:
        self.passes += 1
        return iter([torch.tensor(float(self.passes + i)) for i in range(8)])


@final
class Wrapping(DataLoader[Any]):
    """Changes its batches on the way, and counts them."""

    count = 0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        for (batch,) in super().__iter__():
            self.count += 1
            yield batch, self.count


LOADERS = {
    "in order": lambda: DataLoader(NUMBERS, 4),
    "shuffled": lambda: DataLoader(NUMBERS, 4, shuffle=True),
    "own generator": lambda: DataLoader(NUMBERS, 4, shuffle=True, generator=seeded()),
    "own sampler": lambda: DataLoader(NUMBERS, 4, sampler=Counting()),
    "augmented": lambda: DataLoader(Augmented(), 4, shuffle=True),
    "part": lambda: DataLoader(random_split(Augmented(), [12, 8], seeded())[0], 4),
    "no batches": lambda: DataLoader(NUMBERS, batch_size=None),
    "stream": lambda: DataLoader(Fresh(), 4),
    "subclass": lambda: Wrapping(NUMBERS, 4, shuffle=True),
    "lambda": lambda: DataLoader(NUMBERS, 4, collate_fn=lambda parts: torch.stack([*parts[0]])),
    "combined": lambda: CombinedLoader(DataLoader(NUMBERS, 4, shuffle=True), "max_size_cycle"),
    "ours": lambda: BatchLoader(torch.arange(20.0), torch.zeros(20), 4, shuffle=True, seed=3),
}


def passes(loader: Any) -> list[Any]:
    """Returns two passes over a loader, from the same random numbers each time."""
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    if isinstance(loader, CombinedLoader):
        return [[batch for batch, _, _ in loader] for _ in range(2)]
    return [list(loader) for _ in range(2)]


@pytest.mark.parametrize("name", LOADERS)
def test_the_loader_gives_afterwards_what_it_would_have_given(name: str) -> None:
    expected = passes(LOADERS[name]())
    loader = LOADERS[name]()
    before = torch.get_rng_state(), random.getstate()
    found = first_batches(loader, "train")
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert found is not None
    assert len(found) == 1
    assert repr(passes(loader)) == repr(expected)


def test_it_is_the_batch_that_comes_first() -> None:
    for name in ("in order", "own generator", "own sampler", "stream", "subclass", "ours"):
        torch.manual_seed(1)
        found = first_batches(LOADERS[name](), "train")
        torch.manual_seed(1)
        assert repr(found) == repr([next(iter(LOADERS[name]()))])


def test_few_examples_of_a_large_batch_are_read() -> None:
    data = Augmented()
    many = DataLoader(TensorDataset(torch.zeros(1000)), 500)
    ((batch,),) = first_batches(many, "train") or [[]]
    assert len(batch) == 128
    assert first_batches(DataLoader(data, 20), "train") is not None
    assert many.batch_size == many.batch_sampler.batch_size == 500
    assert data.calls == 0


def test_no_batch_at_all() -> None:
    empty = TensorDataset(torch.zeros(0))
    for loader in (DataLoader(empty, 4), DataLoader(NUMBERS, 30, drop_last=True), [], {}):
        assert first_batches(loader, "train") == []
    assert first_batches([DataLoader(NUMBERS, 4), DataLoader(empty, 4)], "val") == []


def test_several_loaders() -> None:
    loader = DataLoader(NUMBERS, 2)
    batch = [torch.tensor([0.0, 1.0])]
    assert repr(first_batches([loader, loader], "train")) == repr([[batch, batch]])
    assert repr(first_batches({"a": loader}, "train")) == repr([{"a": batch}])
    assert repr(first_batches([loader, loader], "val")) == repr([batch, batch])
    for mode in ("sequential", "max_size"):  # the one has plain batches, the other pairs of them
        assert first_batches(CombinedLoader([loader, loader], mode), "train") is None


@final
class Once(IterableDataset[Any]):
    """Gives what it was handed."""

    def __init__(self, numbers: Any) -> None:
        self.numbers = numbers

    def __iter__(self) -> Iterator[Any]:
        return iter(self.numbers)


def test_what_can_be_read_once_is_left_alone() -> None:
    stream = iter(range(8))
    for loader in (DataLoader(Once(stream), 2), stream, [DataLoader(Once(stream), 2)]):
        assert first_batches(loader, "train") is None
    assert list(stream) == list(range(8))


@final
class OfWorkers(Dataset[int]):
    """Is opened where a worker starts."""

    is_open = False

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        if not self.is_open:
            raise RuntimeError("not open")
        return index


def open_it(number: int) -> None:
    info = get_worker_info()
    assert info is not None
    info.dataset.is_open = True  # type: ignore[attr-defined]


def test_workers_are_started_only_for_those_who_need_them() -> None:
    (batch,) = first_batches(DataLoader(OfWorkers(), 2, num_workers=2, worker_init_fn=open_it), "t")
    assert batch.tolist() == [0, 1]
    ((batch,),) = first_batches(DataLoader(NUMBERS, 2, num_workers=2, timeout=9), "train")
    assert batch.tolist() == [0, 1]
    with pytest.raises(RuntimeError, match="not open"):
        first_batches(DataLoader(OfWorkers(), 2), "train")


def test_what_a_loader_refers_to_is_not_copied() -> None:
    class Uncopied:
        def __deepcopy__(self, memo: Any) -> None:
            raise AssertionError

        def collate(self, parts: Any) -> Any:
            return [self, len(parts)]

    thing = Uncopied()
    loader = DataLoader(NUMBERS, 2, collate_fn=thing.collate)
    assert first_batches(loader, "train", [thing]) == [[thing, 2]]
    assert first_batches(loader, "train") == [[thing, 2]]  # a loader that cannot be copied
