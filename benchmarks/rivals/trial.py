"""One repetition of the comparison: candidates of ten rounds, and the plays of contestants."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.rivals.generators import ImageGenerator
from benchmarks.rivals.interface import Chooser, Mover, Round
from benchmarks.shared_candidates import SharedCandidates
from hawc.samplers import AbstractSampler
from hawc.targets import AbstractTarget

__all__ = ["ROUNDS", "Play", "Played", "Trial", "choices", "moves", "samples"]

ROUNDS = 10
NOISE_SEED = 10**9  # another stream of random numbers than that of the candidates
CALLS_PER_GRADIENT = 3  # backwards takes as long as two times forwards


@final
@dataclass(frozen=True, eq=False)
class Trial:
    """The candidates that all contestants share.

    Args:
        generator: decodes them.
        num_candidates: of a round.
        seed: of the candidates.
    """

    generator: ImageGenerator
    num_candidates: int
    seed: int

    @cached_property
    def latents(self) -> Float[Tensor, "m d"]:
        """The candidates of all rounds, one round after the other."""
        return self.generator.candidates(ROUNDS * self.num_candidates, self.seed)

    @cached_property
    @torch.no_grad()
    def images(self) -> Tensor:
        """The images of the candidates."""
        return self.generator.decode(self.latents)

    @cached_property
    @torch.no_grad()
    def features(self) -> Float[Tensor, "m f"]:
        """The features of the candidates, by the choosing network."""
        return self.generator.choosing(self.images)

    @cached_property
    @torch.no_grad()
    def judged(self) -> Float[Tensor, "m g"]:
        """The features of the candidates, by the judging network."""
        return self.generator.judging(self.images)

    @cached_property
    @torch.no_grad()
    def quality(self) -> Float[Tensor, " m"] | None:
        """The scores of the candidates."""
        return None if self.generator.quality is None else self.generator.quality(self.images)

    def rounds(self) -> Iterator[slice]:
        """Yields the places of each round's candidates."""
        for start in range(0, ROUNDS * self.num_candidates, self.num_candidates):
            yield slice(start, start + self.num_candidates)


@final
@dataclass(frozen=True, eq=False)
class Played:
    """The images of a contestant.

    Args:
        features: of the judging network, in the order of the choices.
        calls: latents that were decoded in a round.
        seconds: of the choices; with those of decoding only if the contestant decodes itself.
    """

    features: Float[Tensor, "k g"]
    calls: float
    seconds: float


Play = Callable[[Trial, int], Played]
"""Plays ten rounds of n images."""

MakeSampler = Callable[[Trial, AbstractTarget, Callable[[Tensor], Tensor]], AbstractSampler]


def choices(chooser: Chooser, looks_at_candidates: bool = True) -> Play:
    """Returns the play of a rival that chooses among the candidates."""

    def play(trial: Trial, n: int) -> Played:
        chosen: list[int] = []
        seconds = 0.0
        for here in trial.rounds():
            data = trial.generator.data
            seen = trial.features[: here.stop] if data is None else data
            quality = None if trial.quality is None else trial.quality[here]
            past = trial.features[chosen]
            start = time.perf_counter()
            places = chooser(Round(trial.features[here], past, n, quality, seen))
            seconds += time.perf_counter() - start
            chosen += [here.start + place for place in places]
        calls = trial.num_candidates if looks_at_candidates else n
        return Played(trial.judged[chosen], calls, seconds)

    return play


def moves(mover: Mover) -> Play:
    """Returns the play of a rival that moves the first n candidates of each round.

    A gradient counts as three decoder calls. All gradients of a round cost as many calls as the
    others have candidates. The decoding of the moved latents is not counted.
    """

    def play(trial: Trial, n: int) -> Played:
        owner, random = trial.generator, torch.Generator().manual_seed(NOISE_SEED + trial.seed)
        steps = max(1, trial.num_candidates // (CALLS_PER_GRADIENT * n))
        past, judged = trial.features[:0], list[Tensor]()
        start = time.perf_counter()
        for here in trial.rounds():
            latents = mover(trial.latents[here][:n], past, owner, steps, random)
            with torch.no_grad():
                images = owner.decode(latents)
                past = torch.cat([past, owner.choosing(images)])
                judged.append(owner.judging(images))
        return Played(
            torch.cat(judged), CALLS_PER_GRADIENT * steps * n, time.perf_counter() - start
        )

    return play


def samples(make: MakeSampler) -> Play:
    """Returns the play of a sampler of `hawc`.

    Args:
        make: returns a new sampler for a trial, a prior that yields its candidates, and a decoder
            that counts its calls.
    """

    def play(trial: Trial, n: int) -> Played:
        owner, random = trial.generator, torch.Generator().manual_seed(NOISE_SEED + trial.seed)
        calls = 0

        def decode(latents: Tensor) -> Tensor:
            nonlocal calls
            calls += len(latents)
            return owner.decode(latents)

        start = time.perf_counter()
        sampler = make(trial, SharedCandidates(owner.prior, trial.latents), decode)
        latents = torch.cat([sampler.sample(n, generator=random) for _ in range(ROUNDS)])
        seconds = time.perf_counter() - start
        with torch.no_grad():
            judged = owner.judging(owner.decode(latents))
        return Played(judged, max(n, calls / ROUNDS), seconds)

    return play
