"""Page and figure of the comparison, from the results of all generators.

python -m benchmarks.rivals.page
"""

import json
import math
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot

from benchmarks.rivals.contestants import IID, OURS, REAL
from benchmarks.rivals.generators import NAMES

__all__ = ["RESULTS", "summary", "write_page"]

RESULTS = Path(__file__).parent.parent / "results" / "rivals"
PAGE = RESULTS.with_suffix(".md")
FIGURE = Path(__file__).parent.parent.parent / "docs" / "images" / "rivals.png"
# columns of the figure; with 1 larger is better
SHOWN = {"total variation": -1, "repeats (25 %)": -1, "Vendi": 1, "precision": 1, "recall": 1}
SIZE = "8"  # images of a round in the figure
INTRODUCTION = """# Other methods for diverse images

`python -m benchmarks.rivals NAME` of each generator. All methods play ten rounds with memory. They
choose n of the same candidates of a round in the same features, or move n latents by gradients. A
gradient counts as three decoder calls, so all have the same processor time for images. Another
network judges. Tables hold means over the repetitions and standard errors. Rivals are tuned for
each generator, on four held-out seeds with up to six settings each (`benchmarks/rivals/tuning.py`).
FeatureSampler has one setting.

Real images are test images of the data set. For style and terrain, which have none, they are 400
other i.i.d. images of the generator, and the classes are ten clusters of these.

- Classes: different classes among the first n images. Everything else is of all 10 n images.
- Total variation: between the shares of classes of the images and of real images.
- Repeats (p %): share of images that are closer to an earlier one than p % of the real images to
  their nearest other one.
- Vendi: effective number of different images, by the cosines of features.
- Precision, recall, density, coverage: with the three nearest neighbors.
- Frechet: squared distance. Much of it is bias for so few images; compare equal n alone.
- Decoder calls of a round. Seconds of all choices on one shared core; those of methods that decode
  themselves include it.
"""

Cell = tuple[float, float]
State = dict[str, Any]


def summary(name: str, state: State) -> State:
    """Returns means and standard errors of all repetitions.

    Args:
        name: of the generator.
        state: of its run, at least two repetitions.
    """
    repetitions = state["repetitions"]
    methods = {
        size: {
            method: {
                metric: _cell([values[size][method][metric] for values in repetitions])
                for metric in metrics
            }
            for method, metrics in by_method.items()
        }
        for size, by_method in repetitions[0].items()
    }
    return {
        "name": name,
        **state["settings"],
        "repetitions": len(repetitions),
        "tuned": state["tuned"],
        "methods": methods,
    }


def _cell(values: list[float]) -> Cell:
    error = statistics.stdev(values) / len(values) ** 0.5
    return float(f"{statistics.fmean(values):.4g}"), float(f"{error:.2g}")


def results() -> list[State]:
    """Returns the results in the order of the generators."""
    paths = [RESULTS / f"{name}.json" for name in NAMES]
    return [json.loads(path.read_text()) for path in paths if path.exists()]


def lines(run: State) -> Iterator[str]:
    """Yields the section of a generator."""
    yield f"\n## {run['name']}\n"
    yield f"{run['repetitions']} repetitions, {run['candidates']} candidates a round.\n"
    metrics = list(next(iter(run["methods"][SIZE].values())))
    yield f"| n | method | {' | '.join(metrics)} | setting |"
    yield "|" + "---|" * (len(metrics) + 3)
    for size, by_method in run["methods"].items():
        for method, values in by_method.items():
            cells = (f"{mean:.3g} ± {error:.1g}" for mean, error in values.values())
            yield f"| {size} | {method} | {' | '.join(cells)} | {run['tuned'][method]} |"


def gains(runs: list[State], method: str) -> list[float]:
    """Returns for each shown metric the factor by which a method is better than i.i.d.

    It is the geometric mean over the generators that have the method. Repeats are counted with half
    an image more, since several methods have none.
    """
    factors = []
    for metric, sign in SHOWN.items():
        logs = []
        for run in runs:
            by_method = run["methods"][SIZE]
            if method in by_method:
                extra = 0.5 / (10 * int(SIZE)) if metric.startswith("repeats") else 0.0
                value, iid = (by_method[m][metric][0] + extra for m in (method, IID))
                logs.append(sign * math.log(value / iid))
        factors.append(math.exp(statistics.fmean(logs)))
    return factors


def plot(runs: list[State]) -> None:
    """Draws a table of the methods: green where they are better than i.i.d. images."""
    methods = list(dict.fromkeys(m for run in runs for m in run["methods"][SIZE] if m != IID))
    methods.sort(key=lambda method: (method != OURS, method == REAL))
    values = [gains(runs, method) for method in methods]
    figure, axes = pyplot.subplots(figsize=(7.5, 0.4 * len(methods) + 1.2))
    logs = [[max(-1.0, min(1.0, math.log2(v) * 2)) for v in row] for row in values]
    axes.imshow(logs, cmap="RdYlGn", vmin=-1.6, vmax=1.6, aspect="auto")
    for row, numbers in enumerate(values):
        for column, number in enumerate(numbers):
            axes.text(column, row, f"{number:.2f}", ha="center", va="center", fontsize=9)
    labels = ["match of\nclasses", "fewer\nrepeats", "Vendi\nscore", "precision", "recall"]
    axes.set_xticks(range(len(SHOWN)), labels)
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(methods)), methods)
    for label in axes.get_yticklabels()[:1]:
        label.set_fontweight("bold")
    axes.tick_params(length=0)
    axes.set_title("Times better than independent images (above 1, green)", fontsize=10, pad=12)
    figure.tight_layout()
    figure.savefig(FIGURE, dpi=120)
    pyplot.close(figure)


def write_page() -> None:
    """Writes the page and the figure."""
    runs = results()
    text = [line for run in runs for line in lines(run)]
    PAGE.write_text(INTRODUCTION + "\n".join(text) + "\n")
    plot(runs)


if __name__ == "__main__":
    write_page()
