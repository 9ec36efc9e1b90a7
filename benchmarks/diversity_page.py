"""The page and the figure of diversity.py, from the results of all runs: `-m` this to write them.

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

`python -m benchmarks.diversity runs/<name>/<time>` of each model. Means over the repetitions, whose
number stands behind the sampler, with standard errors. Ten digits at most are different. Features
are those of the judging network, which has no part in the choice; what is real are 1,000 test
digits. An image repeats an earlier one (p %) if it is nearer to it than p % of the real digits are
to the nearest of the others, in pixels 25 %. The closest pair is the smallest distance between two
images. Total variation is that of the histogram of digits against the real one. Seconds are those
of the choice, on one core that others shared.
"""


def results() -> dict[str, Any]:
    """Returns what was found, by the name of the run."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}


def lines(name: str, found: dict[str, Any]) -> Iterator[str]:
    """Yields the section of a run."""
    yield f"\n## {name}, {found['epochs']} epochs\n"
    measures = list(next(iter(next(iter(found["samplers"].values())).values())))
    yield f"| n | latents | {' | '.join(measures)} |"
    yield "|" + "---|" * (len(measures) + 2)
    sizes = sorted({int(n) for sizes in found["samplers"].values() for n in sizes})
    for n in sizes:
        for sampler, by_size in found["samplers"].items():
            if str(n) in by_size:
                cells = (f"{mean:.3g} ± {error:.1g}" for mean, error in by_size[str(n)].values())
                count = found["repetitions"][sampler]
                yield f"| {n} | {sampler} ({count}) | {' | '.join(cells)} |"


def draw(found: dict[str, Any]) -> None:
    """Draws how the measures shown grow with the number of images, a row for each."""
    figure, rows = pyplot.subplots(
        len(SHOWN),
        len(found),
        figsize=(3.2 * len(found), 2.4 * len(SHOWN)),
        squeeze=False,
        sharex=True,
    )
    for column, (name, run) in enumerate(found.items()):
        ticks = sorted({int(n) for by_size in run["samplers"].values() for n in by_size})
        for measure, axes in zip(SHOWN, rows[:, column], strict=True):
            for sampler, by_size in run["samplers"].items():
                sizes = [int(n) for n in by_size]
                means, errors = zip(*(values[measure] for values in by_size.values()), strict=True)
                style = "--" if sampler.endswith("rounds") else "-"
                axes.errorbar(sizes, means, errors, label=sampler, linestyle=style, linewidth=1)
            axes.set_xscale("log")
            axes.set_xticks(ticks, [str(n) for n in ticks])
            axes.minorticks_off()
        rows[0, column].set_title(name, fontsize=9)
        rows[-1, column].set_xlabel("images")
    for measure, axes in zip(SHOWN, rows[:, 0], strict=True):
        axes.set_ylabel(measure)
    handles, labels = rows[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncol=4, fontsize=8)
    figure.tight_layout(rect=(0, 0.07, 1, 1))
    figure.savefig(FIGURE, dpi=120)
    pyplot.close(figure)


def write_page() -> None:
    """Writes the page and the figure."""
    found = results()
    text = [line for name, run in found.items() for line in lines(name, run)]
    PAGE.write_text(INTRODUCTION + "\n".join(text) + "\n")
    draw(found)


if __name__ == "__main__":
    write_page()
