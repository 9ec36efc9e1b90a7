"""Compares FeatureSampler with other methods for diverse images on one generator.

    python -m benchmarks.rivals vae_mnist [--repetitions 50] [--candidates 384] [--runs runs]

In each repetition all methods play ten rounds of 4 and of 8 images with memory, on the same
candidates and in the same features. Rivals are tuned first, see `tuning`. Convolutional generators
and those of packages have 20 repetitions by default, and methods with gradients 10. Generators of
packages have 32 candidates a round.

Results are kept in `--cache` after each repetition. A stopped run continues, and adds methods that
it lacks. A method keeps its results and its tuned setting as long as it keeps its name: remove them
if the method has changed. Writes benchmarks/results/rivals/<name>.json and rivals.md, and
docs/images/rivals.png.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch

from benchmarks.rivals import tuning
from benchmarks.rivals.contestants import Contestant, contestants
from benchmarks.rivals.generators import FAST, NAMES, PACKAGES, ImageGenerator, load
from benchmarks.rivals.page import RESULTS, summary, write_page
from benchmarks.rivals.trial import Play, Trial

SIZES = (4, 8)
NUM_CANDIDATES, NUM_FEW_CANDIDATES = 384, 32
REPETITIONS, SLOW_REPETITIONS = 50, 20

State = dict[str, Any]
Repetition = dict[str, dict[str, dict[str, float]]]


def started(path: Path, settings: State) -> State:
    """Returns the state of an earlier run with the same settings, or of a new one."""
    if path.exists():
        state: State = json.loads(path.read_text())
        if state["settings"] != settings:
            raise SystemExit(f"'{path}' holds results of other settings: remove it first.")
        return state
    return {"settings": settings, "tuned": {}, "repetitions": []}


def saved(path: Path, state: State) -> None:
    """Writes the state; a kill leaves the earlier one."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(state))
    partial.replace(path)


def tune(
    owner: ImageGenerator, methods: list[Contestant], count: int, state: State, path: Path
) -> None:
    """Adds the tuned settings of methods that have none."""
    trials = [Trial(owner, count, tuning.SEED + number) for number in range(tuning.TRIALS)]
    for method in methods:
        if method.name not in state["tuned"]:
            state["tuned"][method.name] = tuning.tuned(method, trials)
            saved(path, state)
            print(f"{owner.name}: {method.name} {state['tuned'][method.name]}", flush=True)


def repeat(
    trial: Trial, methods: list[Contestant], tuned: dict[str, str], earlier: Repetition
) -> Repetition:
    """Returns the metrics of one repetition, by number of images and method.

    Args:
        trial: of the repetition.
        methods: in the order of the result.
        tuned: their settings.
        earlier: metrics of some methods, which are not measured again.
    """
    values: Repetition = {}
    for n in SIZES:
        known = earlier.get(str(n), {})
        for method in methods:
            values.setdefault(str(n), {})[method.name] = known.get(method.name) or measured(
                method.settings[tuned[method.name]], trial, n
            )
    return values


def measured(play: Play, trial: Trial, n: int) -> dict[str, float]:
    """Returns the metrics of ten rounds."""
    played = play(trial, n)
    metrics = trial.generator.judge.values(played.features, n)
    return {**metrics, "decoder calls": played.calls, "seconds": played.seconds}


def compared(
    owner: ImageGenerator, methods: list[Contestant], repetitions: int, count: int, path: Path
) -> State:
    """Returns all repetitions, those of an earlier run included."""
    state = started(path, {"digest": owner.digest, "candidates": count})
    tune(owner, methods, count, state, path)
    done = state["repetitions"]
    repetitions = max(repetitions, len(done))
    for number in range(repetitions):
        earlier = done[number] if number < len(done) else {}
        here = [m for m in methods if number < (m.most_repetitions or repetitions)]
        trial = Trial(owner, count, number)
        done[number : number + 1] = [repeat(trial, here, state["tuned"], earlier)]
        saved(path, state)
        print(f"{owner.name}: {number + 1} of {repetitions}", flush=True)
    return state


def main() -> None:
    """Compares all methods on one generator, then writes the page of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("generator", choices=NAMES)
    parser.add_argument("--repetitions", type=int, help="at least 2")
    parser.add_argument("--candidates", type=int, help="of a round, at least 8")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--cache", type=Path, default=Path("runs/pretrained"))
    arguments = parser.parse_args()
    name = arguments.generator
    repetitions = arguments.repetitions or (REPETITIONS if name in FAST else SLOW_REPETITIONS)
    count = arguments.candidates or (NUM_FEW_CANDIDATES if name in PACKAGES else NUM_CANDIDATES)
    if repetitions < 2 or count < max(SIZES):
        parser.error("--repetitions must be at least 2, --candidates at least 8")
    torch.set_num_threads(1)  # choices are small, and two generators can run side by side
    owner = load(name, arguments.runs, arguments.cache)
    folder = arguments.cache / "rivals"
    folder.mkdir(parents=True, exist_ok=True)
    state = compared(owner, contestants(owner), repetitions, count, folder / f"{owner.name}.json")
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(summary(owner.name, state), indent=1)
    (RESULTS / f"{owner.name}.json").write_text(text + "\n")
    write_page()


if __name__ == "__main__":
    main()
