"""How often images of a prompt repeat earlier ones, with a memory for each prompt and without.

    uv sync --group generators
    python -m benchmarks.prompt_memory [--seeds 2] [--jobs 1]

The sampler is that of `examples.generators.text_to_image`, with tiny pipelines of random weights.
Two processes at once make images of two prompts, then a third one opens the store on a later day.
Takes some 6 minutes of one core. Writes benchmarks/results/prompt_memory.md.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import warnings
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, final

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # processes are forked

import torch
from PIL.Image import Image
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.functional import to_tensor

import metrics
from examples.generators import text_to_image
from examples.generators.tiny_diffusion import text_to_image_pipeline
from hawc import FeatureSampler, StandardNormal, select
from networks import ObjectFeatures, RandomConvFeatures

RESULTS = Path(__file__).parent / "results" / "prompt_memory.md"
PROMPTS = ("a red fox in the snow", f"{'a lighthouse on a cliff above a stormy sea, ' * 9}dusk")
PIPELINES = (4, 5, 6, 7)  # seeds of their weights; the features were chosen with others
PROCESSES, ROUNDS, EACH, CANDIDATES = 3, 2, 4, 32
NUM_IMAGES = PROCESSES * ROUNDS * EACH  # of a prompt
NUM_REFERENCE, INDEPENDENT_SETS = 200, 24  # images to judge by, and sets of i.i.d. ones
QUANTILE = 25.0
JUDGES = {
    "ObjectFeatures": ObjectFeatures("judging"),
    "RandomConvFeatures": RandomConvFeatures((3, 32, 32)),
}
CHOOSING = {
    "mean colors, 4 x 4": lambda images: functional.adaptive_avg_pool2d(images, 4).flatten(1),
    'ObjectFeatures("choosing")': ObjectFeatures("choosing"),
}
SAMPLER, IID, OWN = "FeatureSampler", "i.i.d.", "itself"

Rates = dict[tuple[str, str], list[float]]


@final
class CountedCalls:
    """Counts the images that a pipeline makes."""

    def __init__(self, pipe: Any) -> None:
        self._pipe = pipe
        self.images = 0

    def __call__(self, prompts: list[str], **options: Any) -> Any:
        """Returns what the pipeline returns."""
        self.images += len(prompts)
        return self._pipe(prompts, **options)


def tensors(images: list[Image]) -> Tensor:
    return torch.stack([to_tensor(image) for image in images])


def independent_images(pipe: Any, prompt: str, n: int, seed: int) -> Tensor:
    """Returns images of i.i.d. latents."""
    latents = StandardNormal(64).sample(n, generator=torch.Generator().manual_seed(seed))
    batches = latents.reshape(-1, 4, 4, 4).split(50)
    made = [text_to_image.images_of(pipe, prompt, batch) for batch in batches]
    return torch.cat([tensors(images) for images in made])


def is_equal_again(sampler: FeatureSampler, index: int, image: Tensor) -> bool:
    """Returns whether an image made again from its row is equal to the last bit."""
    return torch.equal(tensors(sampler.remake([index]))[0], image)


def make_images(store: Path, weights: int, seed: int) -> None:
    """Makes images of both prompts in turns and writes them with the calls of each round."""
    warnings.simplefilter("ignore")  # images may be nearer than the desired distance
    pipe = CountedCalls(text_to_image_pipeline(weights))
    samplers = [text_to_image.sampler_of(pipe, prompt, store) for prompt in PROMPTS]
    generator = torch.Generator().manual_seed(seed)
    made: list[tuple[int, int, Tensor]] = []
    calls: list[int] = []
    for _ in range(ROUNDS):
        for place, sampler in enumerate(samplers):
            before = pipe.images
            sampled = sampler.sample_images(EACH, generator=generator)
            calls.append(pipe.images - before)
            images = tensors(sampled.images)
            made += [(place, i, image) for i, image in zip(sampled.ids, images, strict=True)]
    equal = [is_equal_again(samplers[place], i, image) for place, i, image in made]
    torch.save((made, calls, equal), store.with_suffix(f".{seed}"))


def remembered_images(weights: int, seed: int) -> tuple[list[Tensor], list[int], list[bool]]:
    """Returns the images of each prompt in their order, calls per round, and what was equal."""
    made: dict[tuple[int, int], Tensor] = {}
    calls, equal = [], []
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "images.db"
        seeds = [PROCESSES * seed + number for number in range(PROCESSES)]
        for together in (seeds[:2], seeds[2:]):
            started = [
                multiprocessing.get_context("fork").Process(
                    target=make_images, args=(store, weights, one)
                )
                for one in together
            ]
            for one in started:
                one.start()
            for one in started:
                one.join()
        for one in seeds:
            images, counts, same = torch.load(store.with_suffix(f".{one}"))
            made |= {(place, index): image for place, index, image in images}
            calls += counts
            equal += same
    by_prompt = [
        torch.stack([made[place, i] for i in range(NUM_IMAGES)]) for place in range(len(PROMPTS))
    ]
    return by_prompt, calls, equal


@torch.no_grad()
def add_rates(rates: Rates, method: str, images: Tensor, thresholds: dict[str, float]) -> None:
    for judge, network in JUDGES.items():
        rate = metrics.repeat_rate(network(images), thresholds[judge])
        rates[method, judge].append(float(rate))


def selected(features: Tensor) -> list[int]:
    """Returns the images that `select` takes in rounds of four from 32 new candidates each."""
    chosen: list[int] = []
    for first in range(0, len(features) - CANDIDATES + 1, CANDIDATES):
        new, past = features[first : first + CANDIDATES], features[chosen]
        data = features[: first + CANDIDATES]  # the candidates so far
        indices = select(new, EACH, history=past, data=data, min_distance="75% of 200")
        chosen += [first + i for i in indices]
    return chosen


def add_selected(
    rates: Rates, reference: Tensor, images: Tensor, thresholds: dict[str, float]
) -> None:
    """Adds rates of images that `select` takes from i.i.d. ones by other features."""
    for name, network in CHOOSING.items():
        own = metrics.repeat_threshold(network(reference), QUANTILE)
        for candidates in images.split(CANDIDATES * NUM_IMAGES // EACH):
            features = network(candidates)
            chosen = selected(features)
            add_rates(rates, name, candidates[chosen], thresholds)
            rates[name, OWN].append(float(metrics.repeat_rate(features[chosen], own)))


@torch.no_grad()
def measured(weights: int, num_seeds: int) -> tuple[Rates, list[int], list[bool]]:
    """Returns repeat rates by method and judge, decoder calls, and what was equal again."""
    rates: Rates = defaultdict(list)
    sets = [remembered_images(weights, seed) for seed in range(num_seeds)]
    pipe = text_to_image_pipeline(weights)
    for place, prompt in enumerate(PROMPTS):
        reference = independent_images(pipe, prompt, NUM_REFERENCE, 10_000)
        thresholds = {
            judge: metrics.repeat_threshold(network(reference), QUANTILE)
            for judge, network in JUDGES.items()
        }
        others = independent_images(pipe, prompt, INDEPENDENT_SETS * NUM_IMAGES, 10_001)
        for images in others.split(NUM_IMAGES):
            add_rates(rates, IID, images, thresholds)
        add_selected(rates, reference, others, thresholds)
        for by_prompt, *_ in sets:
            add_rates(rates, SAMPLER, by_prompt[place], thresholds)
    print(f"pipeline {weights}:", summary(rates), flush=True)
    calls = [count for _, counts, _ in sets for count in counts]
    return rates, calls, [same for *_, equal in sets for same in equal]


def measured_pipelines(num_seeds: int, jobs: int) -> tuple[Rates, list[int], list[bool]]:
    """Returns what was measured of all pipelines."""
    rates: Rates = defaultdict(list)
    calls: list[int] = []
    equal: list[bool] = []
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, context) as pool:
        for each, counts, same in pool.map(measured, PIPELINES, [num_seeds] * len(PIPELINES)):
            for key, values in each.items():
                rates[key] += values
            calls += counts
            equal += same
    return rates, calls, equal


def summary(rates: Rates) -> dict[str, str]:
    return {
        f"{method}, {judge}": f"{100 * statistics.fmean(values):.2f} %"
        for (method, judge), values in rates.items()
    }


def error(values: list[float]) -> float:
    """Returns the standard error of the mean."""
    return statistics.stdev(values) / len(values) ** 0.5


def page(rates: Rates, calls: list[int], equal: list[bool], num_seeds: int) -> str:
    """Returns the page of results."""
    lines = [
        "# Images of a prompt that repeat earlier ones\n",
        f"`python -m benchmarks.prompt_memory --seeds {num_seeds}`, torch {torch.__version__}. "
        f"{len(PIPELINES)} tiny pipelines of random weights, {num_seeds} stores each, prompts of "
        f"{len(PROMPTS[0])} and {len(PROMPTS[1])} characters, {NUM_IMAGES} images of each in "
        f"batches of {EACH}: two processes at once, a third one later.\n",
        f"A repeat is nearer to an earlier image of its prompt than the {QUANTILE:g} % quantile of "
        f"the distances from {NUM_REFERENCE} i.i.d. reference images to the nearest other one. "
        "Distances are those between features of the judge. The images were chosen by the mean "
        "colors of 4 x 4 fields. Means over prompts, pipelines and stores; ± is the standard "
        "error of the mean.\n",
        "| judge | repeats, i.i.d. | repeats, FeatureSampler | ratio | at most 1/3 |",
        "|---|---|---|---|---|",
    ]
    for judge in JUDGES:
        iid, ours = rates[IID, judge], rates[SAMPLER, judge]
        means = statistics.fmean(iid), statistics.fmean(ours)
        ratio = means[1] / means[0]
        lines.append(
            f"| {judge} | {100 * means[0]:.2f} ± {100 * error(iid):.2f} % "
            f"| {100 * means[1]:.2f} ± {100 * error(ours):.2f} % | {ratio:.2f} "
            f"| {'yes' if ratio <= 1 / 3 else '**no**'} |"
        )
    lines += [
        f"\nDecoder calls for {EACH} images: {min(calls)} to {max(calls)} (required: at most 36). "
        f"Images made again from their rows: {sum(equal)} of {len(equal)} equal to the last bit.\n",
        "## Which features choose\n",
        f"`hawc.select` took {EACH} images from {CANDIDATES} i.i.d. ones, {NUM_IMAGES // EACH} "
        "times with one memory. Repeats are rare in the features that choose; how rare in others "
        "depends on how well the two agree.\n",
        f"| chosen by | judge: itself | {' | '.join(f'judge: {judge}' for judge in JUDGES)} |",
        "|---|---|---|---|",
    ]
    for name in CHOOSING:
        cells = [rates[name, judge] for judge in (OWN, *JUDGES)]
        shares = [f"{100 * statistics.fmean(c):.2f} ± {100 * error(c):.2f} %" for c in cells]
        lines.append(f"| {name} | {' | '.join(shares)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Prints the rates after each pipeline and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2, help="stores of each pipeline")
    parser.add_argument("--jobs", type=int, default=1, help="pipelines at a time")
    options = parser.parse_args()
    text = page(*measured_pipelines(options.seeds, options.jobs), options.seeds)
    print(text)
    RESULTS.write_text(text)


if __name__ == "__main__":
    main()
