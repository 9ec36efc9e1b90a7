"""Twenty rounds of four images of a pretrained generator, with memory and without data.

    uv sync --group pretrained
    python -m benchmarks.pretrained_rounds [style] [terrain] [--seeds 3] [--cache runs/pretrained]

`hawc.FeatureSampler` chooses 4 of 32 candidates in each round, with one history and `data=None`. It
is compared with i.i.d. images, and with the farthest of the same 32 candidates. MobileNetV2 chooses
and EfficientNet-Lite0 judges. Images and features are cached in `--cache`; without them a seed
takes 2 minutes of one core for style and 8 for terrain. Writes
benchmarks/results/pretrained_rounds.md and docs/images/pretrained_rounds_*.png.
"""

import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import Tensor

import metrics
from benchmarks import pretrained_packages as packages
from benchmarks.measured_rows import MeasuredRow, MeasuredTable, write_page
from benchmarks.pretrained import NUM_REFERENCE, REFERENCE_SEED, Bench, bench, chosen_generators
from benchmarks.pretrained_metrics import Judge, relative_lengths
from benchmarks.pretrained_page import IMAGES, contact_sheet
from benchmarks.rivals.farthest_point import FarthestPoint
from benchmarks.rivals.interface import Round
from benchmarks.shared_candidates import sampler_among
from hawc import select

RESULTS = Path(__file__).parent / "results" / "pretrained_rounds"
ROUNDS, AT_ONCE, NUM_CANDIDATES = 20, 4, 32
NUM_IMAGES, NUM_SAMPLES = ROUNDS * AT_ONCE, ROUNDS * NUM_CANDIDATES
IID, FARTHEST, FARTHEST_EVER = "i.i.d.", "farthest of the round", "farthest of all"
# `min_distance` of FeatureSampler
DISTANCES = (
    *(None, "25%", "25% of 80", "50% of 80", "75% of 80"),
    *("90% of 80", "95% of 80", "99% of 80"),
)
# `data_weight` and `min_distance` of `hawc.select`
WEIGHTS = ((0.8, "25% of 80"), (0.8, "75% of 80"), (0.7, "75% of 80"))
SHOWN = ("FeatureSampler", "99% of 80")
INTRODUCTION = """# Twenty rounds of four images of pretrained generators

`python -m benchmarks.pretrained_rounds`. Eighty images of one history, four at a time, each time
chosen among 32 new candidates. FeatureSampler has no data (`data=None`) and `num_steps=0`. The
i.i.d. images are the same 640 candidates, in eight sets of eighty for each seed. "Farthest" selects
one candidate after the other: the farthest from all images of its round, or from all images so far.
"select" is `hawc.select` with that `data_weight`, whose data are all candidates so far.

MobileNetV2 chooses. All metrics are in features of EfficientNet-Lite0, which has no part in the
choice. The tables hold means and standard errors.

- Repeats (p %): the number of the eighty images whose distance to an earlier one is smaller than
  the p % quantile of the distances from a reference image to the nearest other one. The reference
  is a set of 200 other i.i.d. images.
- Vendi: the effective number of different images, by the cosines between features.
- Mean nearest: mean distance to the nearest of the other images. Closest pair: the smallest one.
- d² to reference: squared energy distance between the eighty images and the reference.
- Shortest, longest: lengths of the latents, over the median length of the prior's samples.
- Decoder calls: latents decoded to choose, to check the decoder and to show eighty images.
"""

Values = dict[str, float]


def candidates(owner: Bench, seed: int) -> Tensor:
    """Returns the latents of all candidates of a seed."""
    generator = torch.Generator().manual_seed(1000 * seed)
    return owner.prior.sample(NUM_SAMPLES, generator=generator)


def farthest(features: Tensor, with_memory: bool) -> list[int]:
    """Returns the indices of the images that are farthest from the others.

    Args:
        features: of all candidates, those of a round one after the other.
        with_memory: whether the others are all images so far, or those of the round.
    """
    chosen: list[int] = []
    for start in range(0, NUM_SAMPLES, NUM_CANDIDATES):
        here = features[start : start + NUM_CANDIDATES]
        past = features[chosen if with_memory else []]
        places = FarthestPoint()(Round(here, past, AT_ONCE, None, here))
        chosen += [start + place for place in places]
    return chosen


def selected(features: Tensor, data_weight: float, distance: str) -> list[int]:
    """Returns the indices that `hawc.select` chooses; the data are all candidates so far.

    Args:
        features: of all candidates, those of a round one after the other.
        data_weight: of `select`.
        distance: `min_distance` of `select`.
    """
    chosen: list[int] = []
    for start in range(0, NUM_SAMPLES, NUM_CANDIDATES):
        end = start + NUM_CANDIDATES
        places = select(
            features[start:end],
            AT_ONCE,
            history=features[chosen],
            data=features[:end],
            data_weight=data_weight,
            min_distance=distance,
        )
        chosen += [start + place for place in places]
    return chosen


def by_features(owner: Bench, latents: Tensor, distance: str | None) -> tuple[Tensor, Tensor]:
    """Returns the latents and images that FeatureSampler chooses in all rounds."""
    sampler = sampler_among(owner, latents, NUM_CANDIDATES, distance)
    generator = torch.Generator().manual_seed(0)
    rounds = [sampler.sample_images(AT_ONCE, generator=generator) for _ in range(ROUNDS)]
    return torch.cat([r.latents for r in rounds]), torch.cat([r.images for r in rounds])


def sets(owner: Bench, seed: int) -> Iterator[tuple[str, str, Tensor, Tensor, int]]:
    """Yields sets of images: method, `min_distance`, latents, images and decoder calls."""
    latents = candidates(owner, seed)
    images = owner.decode(latents)
    features = owner.choosing(images)
    for part in range(0, NUM_SAMPLES, NUM_IMAGES):
        here = slice(part, part + NUM_IMAGES)
        yield IID, "", latents[here], images[here], NUM_IMAGES
    for method in (FARTHEST, FARTHEST_EVER):
        chosen = farthest(features, method == FARTHEST_EVER)
        yield method, "", latents[chosen], images[chosen], NUM_SAMPLES
    for weight, closest in WEIGHTS:
        chosen = selected(features, weight, closest)
        yield f"select, {weight:g}", closest, latents[chosen], images[chosen], NUM_SAMPLES
    for distance in DISTANCES:
        calls = owner.decode.rows
        chosen_latents, chosen_images = by_features(owner, latents, distance)
        calls = owner.decode.rows - calls
        yield "FeatureSampler", distance or "default", chosen_latents, chosen_images, calls


def measured(owner: Bench, judge: Judge, latents: Tensor, images: Tensor) -> Values:
    """Returns the metrics of a set of images and the lengths of their latents."""
    features = owner.judging(images)
    values = judge.values(features)
    lengths = relative_lengths(owner.prior, latents)
    return {
        "repeats (25 %)": values.pop("repeats (25 %)"),
        "repeats (50 %)": values.pop("repeats (50 %)"),
        "Vendi": float(metrics.vendi_score(features)),
        **values,
        "shortest": float(lengths.min()),
        "longest": float(lengths.max()),
    }


def compared(owner: Bench, seeds: int) -> MeasuredTable:
    """Returns the generator's table; saves it after each seed, and a contact sheet."""
    judge = Judge(owner.judging(owner.iid_images(NUM_REFERENCE, REFERENCE_SEED)))
    rows: dict[tuple[str, str], list[Values]] = {}
    shown: dict[str, Tensor] = {}
    for seed in range(seeds):
        for method, distance, latents, images, calls in sets(owner, seed):
            values = {**measured(owner, judge, latents, images), "decoder calls": calls}
            rows.setdefault((method, distance), []).append(values)
            if method in (IID, SHOWN[0]) and distance in ("", "default", SHOWN[1]):
                shown.setdefault(f"{method}, {distance}".removesuffix(", "), images)
        description = f"{owner.prior.dim:,} numbers per latent, {seed + 1} seeds."
        table = MeasuredTable(
            owner.name,
            description,
            [
                MeasuredRow({"images": method, "min_distance": distance}, values)
                for (method, distance), values in rows.items()
            ],
        )
        table.save(RESULTS)
        print(f"{owner.name}: {seed + 1} of {seeds}", flush=True)
    contact_sheet(shown, IMAGES / f"pretrained_rounds_{owner.name}.png")
    return table


def main() -> None:
    """Compares the methods on each chosen generator, then writes the page."""
    makers = {"style": packages.style, "terrain": packages.terrain}
    names, arguments = chosen_generators(__doc__.splitlines()[0], makers, seeds=3)
    for name in names:
        compared(bench(makers[name], arguments.cache), arguments.seeds)
        write_page(RESULTS, INTRODUCTION)


if __name__ == "__main__":
    main()
