"""Page and figure of diversity.py, from the results of all runs.

python -m benchmarks.diversity_page
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot

RESULTS = Path(__file__).parent / "results" / "diversity"
PAGE = RESULTS.with_suffix(".md")
FIGURE = Path(__file__).parent.parent / "docs" / "images" / "diversity.png"
SHOWN = ("different digits", "total variation", "repeats (25 %)")
INTRODUCTION = """# Different images

`python -m benchmarks.diversity runs/<name>/<time>` of each model. The table holds means over the
repetitions, whose number is given with the sampler, and standard errors. At most ten digits are
different. Features are those of the judging network, which has no part in the choice. Real images
are 1,000 test digits. An image repeats an earlier one (p %) if their distance is smaller than the
p % quantile of the distances from a real digit to the nearest other one; in pixels p is 25. The
closest pair is the smallest distance between two images. Total variation is that of the histogram
of digits against the real one. Seconds are those of the choice, on one shared core.
"""


def results() -> dict[str, Any]:
    """Returns the results by the name of the run."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}


def lines(name: str, run: dict[str, Any]) -> Iterator[str]:
    """Yields the section of a run."""
    yield f"\n## {name}, {run['epochs']} epochs\n"
    metrics = list(next(iter(next(iter(run["samplers"].values())).values())))
    yield f"| n | latents | {' | '.join(metrics)} |"
    yield "|" + "---|" * (len(metrics) + 2)
    sizes = sorted({int(n) for sizes in run["samplers"].values() for n in sizes})
    for n in sizes:
        for sampler, by_size in run["samplers"].items():
            if str(n) in by_size:
                cells = (f"{mean:.3g} ± {error:.1g}" for mean, error in by_size[str(n)].values())
                count = run["repetitions"][sampler]
                yield f"| {n} | {sampler} ({count}) | {' | '.join(cells)} |"


def plot(runs: dict[str, Any]) -> None:
    """Plots metrics over the number of images, one row per metric."""
    figure, rows = pyplot.subplots(
        len(SHOWN),
        len(runs),
        figsize=(3.2 * len(runs), 2.4 * len(SHOWN)),
        squeeze=False,
        sharex=True,
    )
    for column, (name, run) in enumerate(runs.items()):
        ticks = sorted({int(n) for by_size in run["samplers"].values() for n in by_size})
        for metric, axes in zip(SHOWN, rows[:, column], strict=True):
            for sampler, by_size in run["samplers"].items():
                sizes = [int(n) for n in by_size]
                means, errors = zip(*(values[metric] for values in by_size.values()), strict=True)
                style = "--" if sampler.endswith("rounds") else "-"
                axes.errorbar(sizes, means, errors, label=sampler, linestyle=style, linewidth=1)
            axes.set_xscale("log")
            axes.set_xticks(ticks, [str(n) for n in ticks])
            axes.minorticks_off()
        rows[0, column].set_title(name, fontsize=9)
        rows[-1, column].set_xlabel("images")
    for metric, axes in zip(SHOWN, rows[:, 0], strict=True):
        axes.set_ylabel(metric)
    handles, labels = rows[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncol=4, fontsize=8)
    figure.tight_layout(rect=(0, 0.07, 1, 1))
    figure.savefig(FIGURE, dpi=120)
    pyplot.close(figure)


def write_page() -> None:
    """Writes the page and the figure."""
    runs = results()
    text = [line for name, run in runs.items() for line in lines(name, run)]
    PAGE.write_text(INTRODUCTION + "\n".join(text) + "\n")
    plot(runs)


if __name__ == "__main__":
    write_page()
