"""What all samplers share: they record, retry after a conflict, and refuse a wrong history."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from hawc.history import (
    AbstractHistory,
    DatabaseHistory,
    HistoryConflictError,
    MemoryHistory,
)
from hawc.samplers.abstract import AbstractSampler
from hawc.samplers.history_aware import HistoryAwareSampler
from hawc.samplers.independent import IndependentSampler
from hawc.samplers.sobol import SobolSampler
from hawc.targets import Normal, StandardNormal

PLANE = StandardNormal(2)
ALL = (HistoryAwareSampler, IndependentSampler, SobolSampler)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@final
class InterruptedSampler(AbstractSampler):
    """Loses its first races; notes the arguments of `choose`."""

    def __init__(self, num_intrusions: int) -> None:
        super().__init__(PLANE, None)
        self._num_intrusions = num_intrusions
        self.calls: list[tuple[int, Tensor | None]] = []

    def choose(
        self,
        n: int,
        past: Float[Tensor, "kp d"],
        generator: torch.Generator,
        previous: Float[Tensor, "n d"] | None = None,
    ) -> Float[Tensor, "n d"]:
        self.calls.append((len(past), previous))
        if len(self.calls) <= self._num_intrusions:
            self.history.append(torch.zeros(1, 2), expected_length=len(past))
        return torch.randn(n, 2, generator=generator)


def test_chooses_again_and_receives_its_previous_choice() -> None:
    sampler, generator = InterruptedSampler(2), seeded()
    batch = sampler.sample(3, generator=generator)
    lengths, previous = zip(*sampler.calls, strict=True)
    assert lengths == (0, 1, 2)
    first, second, third = (torch.randn(3, 2, generator=g) for g in [seeded()] for _ in range(3))
    assert previous[0] is None
    assert torch.equal(torch.stack(previous[1:]), torch.stack([first, second]))
    assert torch.equal(batch, third)
    assert torch.equal(sampler.history.points(), torch.cat([torch.zeros(2, 2), third]))


@final
class ContestedHistory(AbstractHistory):
    """Another sampler is faster at every append, except during `exclusive`."""

    def __init__(self) -> None:
        self._inner = MemoryHistory(2)
        self._is_exclusive = False

    @property
    def dim(self) -> int:
        return 2

    def __len__(self) -> int:
        return len(self._inner)

    def points(self) -> Float[Tensor, "n d"]:
        return self._inner.points()

    def append(self, points: Float[Tensor, "k d"], *, expected_length: int) -> None:
        if not self._is_exclusive:
            self._inner.append(torch.zeros(1, 2), expected_length=len(self))
        self._inner.append(points, expected_length=expected_length)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        self._is_exclusive = True
        yield
        self._is_exclusive = False


@pytest.mark.parametrize("kind", ALL)
def test_takes_the_lock_after_two_conflicts(kind: type[AbstractSampler]) -> None:
    history = ContestedHistory()
    batch = kind(PLANE, history=history).sample(3, generator=seeded())
    assert torch.equal(history.points(), torch.cat([torch.zeros(2, 2), batch]))
    with pytest.raises(HistoryConflictError):  # the lock is released
        history.append(batch, expected_length=len(history))


@pytest.mark.parametrize("kind", ALL)
def test_records_what_it_returns(kind: type[AbstractSampler]) -> None:
    history = MemoryHistory(2)
    sampler, generator = kind(PLANE, history=history), seeded()
    batches = [sampler.sample(n, generator=generator) for n in (1, 4, 2)]
    assert [batch.shape for batch in batches] == [(1, 2), (4, 2), (2, 2)]
    assert torch.equal(history.points(), torch.cat(batches))
    assert all(batch.dtype == torch.get_default_dtype() for batch in batches)


@pytest.mark.parametrize("kind", ALL)
def test_choose_records_nothing_and_agrees_with_sample(
    kind: type[AbstractSampler],
) -> None:
    sampler = kind(PLANE)
    past = sampler.sample(3, generator=seeded())
    chosen = sampler.choose(4, past, seeded(1))
    assert len(sampler.history) == 3
    assert torch.equal(sampler.sample(4, generator=seeded(1)), chosen)


@pytest.mark.parametrize("kind", ALL)
def test_rejects_a_wrong_dimension_or_number(kind: type[AbstractSampler]) -> None:
    with pytest.raises(ValueError, match="`history` must hold points of dimension 2 for Standard"):
        kind(PLANE, history=MemoryHistory(3))
    with pytest.raises(ValueError, match="`n` must be at least 1, got 0"):
        kind(PLANE).sample(0, generator=seeded())


@pytest.mark.parametrize("kind", ALL)
def test_a_gallery_of_another_distribution_is_refused(
    kind: type[AbstractSampler], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/gallery.db"
    DatabaseHistory(url, PLANE, create=True)
    kind(PLANE, history=DatabaseHistory(url, PLANE, create=True)).sample(2, generator=seeded())
    other = DatabaseHistory(url, Normal([50.0, 50.0], 1.0), gallery="other", create=True)
    expected = r"`history` must be a gallery of StandardNormal.*, got gallery 'other' .* of Normal"
    with pytest.raises(ValueError, match=expected):
        kind(PLANE, history=other)
    assert len(other) == 0


def test_an_assigned_history_is_written_to() -> None:
    sampler, first, second = IndependentSampler(PLANE), MemoryHistory(2), MemoryHistory(2)
    for history in (first, second):
        sampler.history = history
        sampler.sample(3, generator=seeded())
    assert len(first) == len(second) == 3
    with pytest.raises(ValueError, match=r"`history` must hold points of dimension 2 .* got dim"):
        sampler.history = MemoryHistory(3)
    assert sampler.history is second


def test_the_hook_sees_every_attempt_before_it_is_recorded() -> None:
    sampler, seen = InterruptedSampler(2), []

    def hook(rows: Tensor, position: int) -> None:
        recorded = sampler.history.points()[position : position + len(rows)]
        seen.append((rows, position, torch.equal(recorded, rows)))

    batch = sampler.sample(3, generator=seeded(), before_append=hook)
    assert [position for _, position, _ in seen] == [0, 1, 2]
    assert not any(is_recorded for *_, is_recorded in seen)
    assert torch.equal(seen[-1][0], batch)


def test_a_label_of_the_hook_names_the_batch(tmp_path: Path) -> None:
    history = DatabaseHistory(f"sqlite:///{tmp_path}/gallery.db", PLANE, create=True)
    sampler = IndependentSampler(PLANE, history=history)
    for label in ("a", None, "b"):
        sampler.sample(2, generator=seeded(), before_append=lambda *_, label=label: label)
    assert [history.label_at(position) for position in (0, 2, 4)] == ["a", None, "b"]


def test_a_failing_hook_records_nothing() -> None:
    def hook(rows: Tensor, position: int) -> None:
        raise OSError("disk full")

    sampler = IndependentSampler(PLANE)
    with pytest.raises(OSError, match="disk full"):
        sampler.sample(2, generator=seeded(), before_append=hook)
    assert len(sampler.history) == 0


def test_random_numbers_of_a_function_depend_on_the_length_alone() -> None:
    interrupted = InterruptedSampler(2).sample(3, generator=seeded)
    assert torch.equal(interrupted, torch.randn(3, 2, generator=seeded(2)))
