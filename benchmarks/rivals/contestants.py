"""All methods of the comparison, with the settings among which each is tuned."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, final

import torch
from torch import Tensor

from benchmarks.rivals.determinantal import GreedyDPP
from benchmarks.rivals.farthest_point import FarthestPoint
from benchmarks.rivals.generators import ImageGenerator
from benchmarks.rivals.group_inference import GroupInference
from benchmarks.rivals.interface import Chooser, Mover, Round
from benchmarks.rivals.noise_gradient import NoiseGradient, Objective
from benchmarks.rivals.particle_guidance import ParticleGuidance
from benchmarks.rivals.repelled_latents import RepelledLatents
from benchmarks.rivals.shielded_choice import ShieldedChoice
from benchmarks.rivals.trial import ROUNDS, Play, Played, Trial, choices, moves, samples
from benchmarks.rivals.vendi_bank import VendiBank
from hawc import Empirical, FeatureSampler, HistoryAwareSampler
from hawc.samplers import AbstractSampler
from hawc.spacing import spacing
from hawc.targets import AbstractTarget

__all__ = ["HAWC", "IID", "OURS", "REAL", "Contestant", "contestants"]

REAL, IID = "real images", "i.i.d."
HAWC, OURS = "HAW-C on latents", "FeatureSampler"
QUALITY_WEIGHT = 0.3  # of OURS, which moves no latents; all else are its defaults
MOVER_REPETITIONS = 10
NUM_EXAMPLES, EXAMPLES_SEED = 400, 800_000
OBJECTIVES: dict[Objective, str] = {"dpp": "DPP", "vendi": "Vendi"}
RADII = (0.5, 0.75, 0.9, 0.95, 0.98, 0.99)  # shares of NUM_IMAGES examples, see `_examples`
NUM_IMAGES = 80

Decode = Callable[[Tensor], Tensor]
Search = Literal["greedy", "exact"]


@final
@dataclass(frozen=True, eq=False)
class Contestant:
    """A method with its settings.

    Args:
        name: of the method.
        settings: the ways to play it, by their description; with more than one it is tuned.
        most_repetitions: fewer than others have, if it is slow; None for as many.
    """

    name: str
    settings: dict[str, Play]
    most_repetitions: int | None = None


def contestants(generator: ImageGenerator) -> list[Contestant]:
    """Returns all methods that the generator allows."""
    examples = _examples(generator)
    radii = {f"{share:.0%}": spacing(examples, share, NUM_IMAGES) for share in RADII}
    real = [Contestant(REAL, {"": _real_images})] if generator.real is not None else []
    rivals = [
        *real,
        Contestant(IID, {"": choices(_first, looks_at_candidates=False)}),
        Contestant(HAWC, {"": samples(_on_latents)}),
        Contestant("farthest point", {"": choices(FarthestPoint())}),
        _choosers("greedy DPP", _processes(generator.quality is not None)),
        _choosers("group inference, greedy", _groups("greedy")),
        _choosers("group inference, exact", _groups("exact")),
        _choosers("SPELL, chosen", {f"radius {s}": ShieldedChoice(r) for s, r in radii.items()}),
        _choosers("Vendi with bank", _banks()),
    ]
    moved = _moved(radii) if generator.is_differentiable else []
    return [*rivals, *moved, *_ours(generator)]


def _examples(generator: ImageGenerator) -> Tensor:
    """Returns features of real images, or of i.i.d. ones on a seed of their own."""
    if generator.data is not None:
        return generator.data
    with torch.no_grad():
        return generator.features(generator.candidates(NUM_EXAMPLES, EXAMPLES_SEED))


def _choosers(name: str, choosers: Mapping[str, Chooser]) -> Contestant:
    return Contestant(name, {setting: choices(chooser) for setting, chooser in choosers.items()})


def _movers(name: str, movers: Mapping[str, Mover]) -> Contestant:
    plays = {setting: moves(mover) for setting, mover in movers.items()}
    return Contestant(name, plays, MOVER_REPETITIONS)


def _real_images(trial: Trial, n: int) -> Played:
    """Takes other real images in place of generated ones."""
    real = trial.generator.real
    assert real is not None
    random = torch.Generator().manual_seed(trial.seed)
    chosen = torch.randperm(len(real), generator=random)[: ROUNDS * n]
    return Played(real[chosen], 0, 0.0)


def _first(round_: Round) -> list[int]:
    """Chooses the first candidates."""
    return list(range(round_.n))


def _groups(search: Search) -> dict[str, GroupInference]:
    """Returns group inference with the authors' weight and smaller ones."""
    settings = ((1.5, False), (0.1, False), (1.5, True), (0.1, True), (0.03, True), (0.01, True))
    return {
        f"weight {weight:g}{', memory' * memory}": GroupInference(weight, search, memory)
        for weight, memory in settings
    }


def _processes(has_quality: bool) -> dict[str, GreedyDPP]:
    """Returns processes of several widths, with and without the scores."""
    if has_quality:
        settings = [(width, weight) for width in (1, 8) for weight in (0, 1, 4)]
    else:
        settings = [(width, 0) for width in (0.25, 0.5, 1, 2, 4, 8)]
    return {
        f"width {width:g}, quality {weight:g}": GreedyDPP(width, weight)
        for width, weight in settings
    }


def _banks() -> dict[str, VendiBank]:
    return {
        f"order {order}, exemplars {weight:g}": VendiBank(order, weight)
        for order in (1, 2)
        for weight in (0, 0.5, 1)
    }


def _moved(radii: dict[str, float]) -> list[Contestant]:
    """Returns the rivals that need gradients."""
    guidance = ((3, 0.5), (10, 0.25), (20, 0.25), (30, 0.25), (60, 0.25), (120, 0.25))
    noise = ((0.1, 0.01), (0.1, 0.1), (0.3, 0.01), (0.3, 0.1), (1, 0.01), (1, 0.1))
    repelled = [(share, rate) for share in ("75%", "95%", "99%") for rate in (0.03, 0.1)]
    return [
        _movers(
            "particle guidance",
            {f"strength {a:g}, width {w:g}": ParticleGuidance(a, w) for a, w in guidance},
        ),
        *(
            _movers(
                f"noise gradient, {name}",
                {
                    f"rate {rate:g}, norm {norm:g}": NoiseGradient(objective, rate, norm)
                    for rate, norm in noise
                },
            )
            for objective, name in OBJECTIVES.items()
        ),
        _movers(
            "SPELL, moved",
            {f"radius {s}, rate {r:g}": RepelledLatents(radii[s], r) for s, r in repelled},
        ),
    ]


def _on_latents(trial: Trial, prior: AbstractTarget, decode: Decode) -> AbstractSampler:
    del prior, decode
    return HistoryAwareSampler(trial.generator.prior)


def _ours(generator: ImageGenerator) -> list[Contestant]:
    """Returns FeatureSampler in its one setting, and with one change each."""

    def sampler(**options: Any) -> Play:
        def make(trial: Trial, prior: AbstractTarget, decode: Decode) -> AbstractSampler:
            return FeatureSampler(
                prior,
                decode=decode,
                features=generator.choosing,
                data=data,
                num_candidates=trial.num_candidates,
                num_steps=0,
                **{**scores, **options},
            )

        return samples(make)

    data = None if generator.data is None else Empirical(generator.data)
    scores: dict[str, Any] = {"quality": generator.quality, "quality_weight": QUALITY_WEIGHT}
    ours = {"": sampler(), ", data_weight 0.9": sampler(data_weight=0.9)}
    if generator.quality is not None:
        ours[", without scores"] = sampler(quality=None)
    return [Contestant(OURS + change, {"": play}) for change, play in ours.items()]
