"""The first batch is the one that the run gets first, and reading it does not change the run."""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, final

import numpy as np
import pytest
import torch
from lightning.pytorch.utilities import CombinedLoader
from torch import Tensor
from torch.utils.data import (
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    Sampler,
    TensorDataset,
    random_split,
)

from commands.run import first_batch
from commands.run.first_batch import first_batches, in_copy
from datamodules.batch_loader import BatchLoader

NUMBERS = TensorDataset(torch.arange(20.0))


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def all_random() -> tuple[float, ...]:
    return (torch.rand(()).item(), random.random(), float(np.random.rand()))  # noqa: NPY002


class Noise:
    """A transform with its own generator."""

    def __init__(self) -> None:
        self.generator = seeded()

    def __call__(self, number: Tensor) -> Tensor:
        return number + torch.rand((), generator=self.generator)


@final
class Augmented(Dataset[Tensor]):
    """Adds noise from its own generators and from all global ones."""

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
class Hidden(Dataset[Tensor]):
    """Keeps its state in a list, a dict and a closure."""

    def __init__(self) -> None:
        noise, self.seen, self.parts = np.random.default_rng(7), [], {"a": Augmented()}
        self.transforms = [lambda number: number + noise.random()]

    def __len__(self) -> int:
        return 20

    def __getitem__(self, index: int) -> Tensor:
        self.seen.append(index)
        number: Tensor = self.transforms[0](self.parts["a"][index])
        return number + len(self.seen)


@final
class Counting(Sampler[int]):
    """Orders each pass differently, by its count of passes."""

    def __init__(self) -> None:
        self.passes = 0

    def __iter__(self) -> Iterator[int]:
        self.passes += 1
        return iter([(i + 5 * self.passes) % 20 for i in range(20)])

    def __len__(self) -> int:
        return 20


@final
class Wrapping(DataLoader[Any]):
    """Changes its batches and counts them."""

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
    "parts": lambda: DataLoader(ConcatDataset([Augmented(), Augmented()]), 4),
    "hidden": lambda: DataLoader(Hidden(), 4),
    "subclass": lambda: Wrapping(NUMBERS, 4, shuffle=True),
    "lambda": lambda: DataLoader(NUMBERS, 4, collate_fn=lambda parts: torch.stack([*parts[0]])),
    "combined": lambda: CombinedLoader(DataLoader(NUMBERS, 4, shuffle=True), "max_size_cycle"),
    "ours": lambda: BatchLoader(torch.arange(20.0), torch.zeros(20), 4, shuffle=True, seed=3),
}


def read(loaders: Any, stage: str = "train") -> str | None:
    return in_copy(lambda: repr(first_batches(loaders, stage)))


def passes(loader: Any) -> list[Any]:
    """Returns two passes over a loader, from the same random numbers each time."""
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    if isinstance(loader, CombinedLoader):
        return [[batch for batch, _, _ in loader] for _ in range(2)]
    return [list(loader) for _ in range(2)]


@pytest.mark.parametrize("name", LOADERS)
def test_the_loader_then_serves_the_same_batches(name: str) -> None:
    expected = passes(LOADERS[name]())
    loader = LOADERS[name]()
    before = torch.get_rng_state(), random.getstate()
    assert str(read(loader)).startswith("[")
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert repr(passes(loader)) == repr(expected)


def test_it_is_the_first_batch() -> None:
    for name in ("in order", "own generator", "own sampler", "subclass", "ours"):
        torch.manual_seed(1)
        found = read(LOADERS[name]())
        assert found == repr([next(iter(LOADERS[name]()))])


def test_few_examples_of_a_large_batch_are_read() -> None:
    data = Augmented()
    many = DataLoader(TensorDataset(torch.zeros(1000)), 500)
    assert in_copy(lambda: str(len((first_batches(many, "t") or [])[0][0]))) == "128"
    assert read(DataLoader(data, 20)) is not None
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
    for mode in ("sequential", "max_size"):  # plain batches, pairs of batches
        assert first_batches(CombinedLoader([loader, loader], mode), "train") is None


@final
class Once(IterableDataset[Any]):
    """Yields the given numbers."""

    def __init__(self, numbers: Any) -> None:
        self.numbers = numbers

    def __iter__(self) -> Iterator[Any]:
        return iter(self.numbers)


def test_streams_and_unknown_loaders_are_not_read() -> None:
    stream = iter(range(8))
    left = (DataLoader(Once(stream), 2), DataLoader(ChainDataset([Once(stream)]), 2))
    for loader in (*left, stream, [left[0]], {"a": [stream]}):
        assert first_batches(loader, "train") is None
    assert list(stream) == list(range(8))


def test_files_are_read_on_where_they_were(tmp_path: Path) -> None:
    (tmp_path / "numbers").write_bytes(bytes(range(256)) * 100)
    with (tmp_path / "numbers").open("rb") as file:

        def read_far() -> str:
            file.seek(20_001)
            return str(file.read(1)[0])

        assert file.read(3) == b"\0\1\2"
        assert in_copy(read_far) == str(20_001 % 256)
        rest = file.read()
        assert rest == (bytes(range(256)) * 100)[3:]


def fail() -> str:
    print("unseen")
    raise KeyboardInterrupt


def test_a_copy_that_fails_or_cannot_be_made_returns_none(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert in_copy(fail) is None
    assert in_copy(lambda: os._exit(3)) is None
    with monkeypatch.context() as patch:
        patch.setattr(first_batch, "_TIMEOUT", 0.1)
        assert in_copy(lambda: str(time.sleep(30))) is None
    assert in_copy(lambda: "said") == "said"
    assert capfd.readouterr() == ("", "")
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    assert in_copy(lambda: "said") is None
