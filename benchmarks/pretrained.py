"""Images of two pretrained generators that nobody here made: are twenty with memory different?

    uv sync --group pretrained
    python -m benchmarks.pretrained [terrain] [style] [--seeds 5] [--methods ...]

i.i.d. latents, history-aware ones with free and with typical lengths, and `hawc.FeatureSampler`
choosing among candidates, as the decoders pass no gradients on. Twenty images, 1, 4 and 20 at a
time. Images and features are kept in `--cache`, so that another run decodes new latents alone; the
first one takes some 40 minutes of one core, most of it for terrain. Writes
benchmarks/results/pretrained.md with a JSON file a generator, and docs/pictures/pretrained_*.png.

Without uv install the packages one by one with `pip install --no-deps`: one pins torch 1.6,
another asks for onnxruntime-gpu, and neither needs it.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import Tensor

from benchmarks import pretrained_packages as packages
from benchmarks.kept_rows import KeptRows
from benchmarks.pretrained_measures import Judge, relative_lengths
from benchmarks.pretrained_page import PICTURES, RESULTS, contact_sheet, write_page
from hawc import (
    AbstractSampler,
    AbstractTarget,
    Empirical,
    FeatureSampler,
    HistoryAwareSampler,
    IndependentSampler,
)

IID, FREE, TYPICAL, FEATURES = "i.i.d.", "HAW-C, free", "HAW-C, typical", "FeatureSampler"
METHODS = (IID, FREE, TYPICAL, FEATURES)
NUM_IMAGES, AT_A_TIME = 20, (1, 4, 20)
NUM_REFERENCE, NUM_DATA = 300, 200  # images to judge by, and to choose by
CANDIDATES_AN_IMAGE = 10
DATA_SEED = 10_000  # of what samplers know nothing of and the judge does, and the other way round

Values = dict[str, float]


@final
@dataclass(frozen=True)
class Bench:
    """A generator, a network to choose with and one to judge with, all of them kept.

    Args:
        name: of the generator.
        prior: of its latents.
        decode: latents to images.
        choosing: images to features.
        judging: likewise, by a network without a part in the choice.
    """

    name: str
    prior: AbstractTarget
    decode: KeptRows
    choosing: KeptRows
    judging: KeptRows

    def iid_images(self, n: int, seed: int) -> Tensor:
        """Returns images of i.i.d. latents."""
        return self.decode(self.prior.sample(n, generator=torch.Generator().manual_seed(seed)))


def bench(make: Callable[[], packages.Generator], cache: Path) -> Bench:
    """Returns a generator of the packages with all that is kept of it."""
    generator = make()
    folder = cache / f"{generator.name}-{generator.version}"
    roles = {role: KeptRows(packages.network(role), folder / role) for role in ROLES}
    decode = KeptRows(generator.decode, folder / "images")
    return Bench(generator.name, generator.prior, decode, **roles)


ROLES = ("choosing", "judging")


def samplers(
    owner: Bench, data: AbstractTarget, at_a_time: int
) -> dict[str, Callable[[], AbstractSampler]]:
    """Returns a maker of samplers by name, each with a new memory."""
    return {
        IID: lambda: IndependentSampler(owner.prior),
        FREE: lambda: HistoryAwareSampler(owner.prior),
        FEATURES: lambda: FeatureSampler(
            owner.prior,
            decode=owner.decode,
            features=owner.choosing,
            data=data,
            num_candidates=CANDIDATES_AN_IMAGE * at_a_time,
            num_steps=0,
        ),
    }


def sampled(
    sampler: AbstractSampler, owner: Bench, at_a_time: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Values]:
    """Returns twenty latents, their images, and what these cost."""
    calls, start = owner.decode.rows, time.perf_counter()
    elsewhere = owner.decode.seconds + owner.choosing.seconds
    rounds = NUM_IMAGES // at_a_time
    latents = torch.cat([sampler.sample(at_a_time, generator=generator) for _ in range(rounds)])
    seconds = time.perf_counter() - start
    seconds -= owner.decode.seconds + owner.choosing.seconds - elsewhere
    images = owner.decode(latents)
    return latents, images, {"decoder calls": owner.decode.rows - calls, "seconds": seconds}


def measured(owner: Bench, judge: Judge, latents: Tensor, images: Tensor) -> Values:
    """Returns what twenty images are worth, and the lengths of their latents."""
    lengths = relative_lengths(owner.prior, latents)
    extremes = {"least length": float(lengths.min()), "largest length": float(lengths.max())}
    return {**judge.values(owner.judging(images)), **extremes}


def compared(owner: Bench, methods: list[str], seeds: int) -> dict[str, Any]:
    """Returns the rows of the generator's table; writes its contact sheet."""
    data = Empirical(owner.choosing(owner.iid_images(NUM_DATA, DATA_SEED)))
    judge = Judge(owner.judging(owner.iid_images(NUM_REFERENCE, DATA_SEED + 1)))
    rows, sheets = [], {}
    for method in methods:
        for at_a_time in AT_A_TIME if method != IID else (NUM_IMAGES,):
            found: list[Values] = []
            for seed in range(seeds):
                sampler = samplers(owner, data, at_a_time)[method]()
                generator = torch.Generator().manual_seed(1000 * seed + METHODS.index(method))
                latents, images, cost = sampled(sampler, owner, at_a_time, generator)
                found.append({**measured(owner, judge, latents, images), **cost})
                sheets.setdefault(f"{method}, {at_a_time} at a time", images)
            values = {name: [value[name] for value in found] for name in found[0]}
            rows.append({"method": method, "at a time": at_a_time, "values": values})
            means = {name: f"{sum(v) / len(v):.4g}" for name, v in values.items()}
            print(owner.name, method, at_a_time, means, flush=True)
    shown = {name: images for name, images in sheets.items() if name.split(", ")[-1] != "4 at a time"}
    contact_sheet(shown, PICTURES / f"pretrained_{owner.name}.png")
    description = f"{owner.prior.dim} latent numbers, {seeds} seeds"
    return {"name": owner.name, "description": description, "rows": rows}


def main() -> None:
    """Compares the methods on each generator asked for, then writes the page."""
    makers = {"terrain": packages.terrain, "style": packages.style}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("generators", nargs="*", default=[*makers])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--cache", type=Path, default=Path("runs/pretrained"))
    arguments = parser.parse_args()
    packages.check_packages()
    RESULTS.mkdir(exist_ok=True)
    for name in arguments.generators:
        found = compared(bench(makers[name], arguments.cache), arguments.methods, arguments.seeds)
        (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
    write_page()


if __name__ == "__main__":
    main()
