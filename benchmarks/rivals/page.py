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
from matplotlib.axes import Axes

from benchmarks.rivals.contestants import HAWC, IID, OURS, REAL
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


def summary(name_of_generator: str, state: State) -> State:
    """Returns means and standard errors of all repetitions.

    Args:
        name_of_generator: for the page.
        state: of its run, at least two repetitions.
    """
    repetitions = state["repetitions"]
    names = repetitions[0][SIZE]
    of = {name: [values for values in repetitions if name in values[SIZE]] for name in names}
    methods = {
        size: {
            name: {
                metric: _cell([values[size][name][metric] for values in of[name]])
                for metric in repetitions[0][size][name]
            }
            for name in names
        }
        for size in repetitions[0]
    }
    return {
        "name": name_of_generator,
        **state["settings"],
        "repetitions": {name: len(values) for name, values in of.items()},
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
    yield f"{run['candidates']} candidates a round. Repetitions are in brackets.\n"
    metrics = list(next(iter(run["methods"][SIZE].values())))
    yield f"| n | method | {' | '.join(metrics)} | setting |"
    yield "|" + "---|" * (len(metrics) + 3)
    for size, by_method in run["methods"].items():
        for method, values in by_method.items():
            cells = (f"{mean:.3g} ± {error:.1g}" for mean, error in values.values())
            name = f"{method} ({run['repetitions'][method]})"
            yield f"| {size} | {name} | {' | '.join(cells)} | {run['tuned'][method]} |"


def claims(runs: list[State]) -> Iterator[str]:
    """Yields a table of FeatureSampler, i.i.d. images, the best rivals and real images."""
    yield f"\n## {OURS} and the best rival of each column\n"
    yield "The best rival is another one in each column. Its name is in brackets.\n"
    metrics = [f"{metric}: {OURS}, i.i.d., best rival, real" for metric in SHOWN]
    yield f"| generator | n | {' | '.join(metrics)} |"
    yield "|" + "---|" * (len(SHOWN) + 2)
    for run in runs:
        for size, by_method in run["methods"].items():
            cells = (_compared(by_method, metric, sign) for metric, sign in SHOWN.items())
            yield f"| {run['name']} | {size} | {' | '.join(cells)} |"


def _compared(by_method: State, metric: str, sign: int) -> str:
    rivals = [name for name in by_method if not name.startswith((OURS, HAWC, IID, REAL))]
    best = max(rivals, key=lambda name: sign * by_method[name][metric][0])
    parts = [f"{by_method[name][metric][0]:.3g}" for name in (OURS, IID, best)]
    real = f"{by_method[REAL][metric][0]:.3g}" if REAL in by_method else "-"
    return f"**{parts[0]}**, {parts[1]}, {parts[2]} ({best}), {real}"


def gains(runs: list[State], method: str) -> list[float] | None:
    """Returns for each shown metric the factor by which a method is better than i.i.d.

    It is the geometric mean over the generators; None if one of them does not have the method.
    Repeats are counted with half an image more, since several methods have none.
    """
    if not all(method in run["methods"][SIZE] for run in runs):
        return None
    factors = []
    for metric, sign in SHOWN.items():
        extra = 0.5 / (10 * int(SIZE)) if metric.startswith("repeats") else 0.0
        logs = []
        for run in runs:
            value, iid = (run["methods"][SIZE][m][metric][0] + extra for m in (method, IID))
            logs.append(sign * math.log(value / iid))
        factors.append(math.exp(statistics.fmean(logs)))
    return factors


def plot(runs: list[State]) -> None:
    """Draws tables of the methods: green where they are better than i.i.d. images."""
    groups = {
        "generators of a data set": [run for run in runs if REAL in run["methods"][SIZE]],
        "generators without real images": [run for run in runs if REAL not in run["methods"][SIZE]],
    }
    names = dict.fromkeys(name for run in runs for name in run["methods"][SIZE])
    rivals = [name for name in names if not name.startswith((OURS, IID, REAL))]
    methods = [OURS, *rivals, *([REAL] if REAL in names else [])]
    shown = {title: group for title, group in groups.items() if group}
    size = (3.4 * len(shown) + 2, 0.36 * len(methods) + 1.5)
    figure, columns = pyplot.subplots(1, len(shown), figsize=size, squeeze=False, sharey=True)
    for axes, (title, group) in zip(columns[0], shown.items(), strict=True):
        _colored(axes, [gains(group, method) for method in methods])
        axes.set_title(f"{len(group)} {title}", fontsize=9, pad=8)
    columns[0, 0].set_yticks(range(len(methods)), methods)
    columns[0, 0].get_yticklabels()[0].set_fontweight("bold")
    figure.suptitle("Times better than independent images: green above 1, red below", fontsize=10)
    figure.tight_layout()
    figure.savefig(FIGURE, dpi=120)
    pyplot.close(figure)


def _colored(axes: Axes, rows: list[list[float] | None]) -> None:
    """Draws one table; a row without values stays empty."""
    empty = [math.nan] * len(SHOWN)
    logs = [[_shade(v) for v in row] if row else empty for row in rows]
    axes.imshow(logs, cmap="RdYlGn", vmin=-1.6, vmax=1.6, aspect="auto")
    for place, row in enumerate(rows):
        for column, number in enumerate(row or ()):
            axes.text(column, place, f"{number:.2f}", ha="center", va="center", fontsize=8)
    labels = ["match of\nclasses", "fewer\nrepeats", "Vendi\nscore", "precision", "recall"]
    axes.set_xticks(range(len(SHOWN)), labels, fontsize=8)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)


def _shade(factor: float) -> float:
    return max(-1.0, min(1.0, 2 * math.log2(factor)))  # full color would hide the number


def write_page() -> None:
    """Writes the page and the figure."""
    runs = results()
    text = [*claims(runs), *(line for run in runs for line in lines(run))]
    PAGE.write_text(INTRODUCTION + "\n".join(text) + "\n")
    plot(runs)


if __name__ == "__main__":
    write_page()
