"""What all samplers share: records, retries, refusals. HistoryAwareSampler's own twin has more."""

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
    """Its first choices come too late; notes what it was told."""

    def __init__(self, num_intrusions: int) -> None:
        super().__init__(PLANE, None)
        self._num_intrusions = num_intrusions
        self.told: list[tuple[int, Tensor | None]] = []

    def choose(
        self,
        n: int,
        past: Float[Tensor, "kp d"],
        generator: torch.Generator,
        previous: Float[Tensor, "n d"] | None = None,
    ) -> Float[Tensor, "n d"]:
        self.told.append((len(past), previous))
        if len(self.told) <= self._num_intrusions:
            self.history.append(torch.zeros(1, 2), expected_length=len(past))
        return torch.randn(n, 2, generator=generator)


def test_chooses_again_and_is_told_its_previous_choice() -> None:
    sampler, generator = InterruptedSampler(2), seeded()
    batch = sampler.sample(3, generator=generator)
    lengths, previous = zip(*sampler.told, strict=True)
    assert lengths == (0, 1, 2)
    first, second, third = (torch.randn(3, 2, generator=g) for g in [seeded()] for _ in range(3))
    assert previous[0] is None
    assert torch.equal(torch.stack(previous[1:]), torch.stack([first, second]))
    assert torch.equal(batch, third)
    assert torch.equal(sampler.history.points(), torch.cat([torch.zeros(2, 2), third]))


@final
class ContestedHistory(AbstractHistory):
    """Somebody else is faster at every append, unless kept out."""

    def __init__(self) -> None:
        self._inner = MemoryHistory(2)
        self._kept_out = False

    @property
    def dim(self) -> int:
        return 2

    def __len__(self) -> int:
        return len(self._inner)

    def points(self) -> Float[Tensor, "n d"]:
        return self._inner.points()

    def append(self, points: Float[Tensor, "k d"], *, expected_length: int) -> None:
        if not self._kept_out:
            self._inner.append(torch.zeros(1, 2), expected_length=len(self))
        self._inner.append(points, expected_length=expected_length)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        self._kept_out = True
        yield
        self._kept_out = False


@pytest.mark.parametrize("kind", ALL)
def test_makes_others_wait_after_two_lost_races(kind: type[AbstractSampler]) -> None:
    history = ContestedHistory()
    batch = kind(PLANE, history=history).sample(3, generator=seeded())
    assert torch.equal(history.points(), torch.cat([torch.zeros(2, 2), batch]))
    with pytest.raises(HistoryConflictError):  # the others are let in again
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
def test_a_choice_alone_is_what_would_be_drawn_and_is_not_recorded(
    kind: type[AbstractSampler],
) -> None:
    sampler = kind(PLANE)
    past = sampler.sample(3, generator=seeded())
    chosen = sampler.choose(4, past, seeded(1))
    assert len(sampler.history) == 3
    assert torch.equal(sampler.sample(4, generator=seeded(1)), chosen)


@pytest.mark.parametrize("kind", ALL)
def test_rejects_what_does_not_fit(kind: type[AbstractSampler]) -> None:
    with pytest.raises(ValueError, match="`history` must hold points of dimension 2 for Standard"):
        kind(PLANE, history=MemoryHistory(3))
    with pytest.raises(ValueError, match="`n` must be at least 1, got 0"):
        kind(PLANE).sample(0, generator=seeded())


@pytest.mark.parametrize("kind", ALL)
def test_a_gallery_of_another_distribution_is_refused(
    kind: type[AbstractSampler], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/gallery.db"
    DatabaseHistory(url, PLANE)
    kind(PLANE, history=DatabaseHistory(url, PLANE)).sample(2, generator=seeded())
    other = DatabaseHistory(url, Normal([50.0, 50.0], 1.0), gallery="other")
    expected = r"`history` must be a gallery of StandardNormal\(dim=2\), got .*'other' of Normal"
    with pytest.raises(ValueError, match=expected):
        kind(PLANE, history=other)
    assert len(other) == 0
