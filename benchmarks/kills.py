"""Trainings that are killed repeatedly, compared with an uninterrupted training.

    python -m benchmarks.kills [--kills 30] [--seed 0]

Trainings by train.py, an EnergyVAE and a WGAN with averaged weights, save after every step. Each is
killed (SIGKILL) at a random instant and resumed with `--ckpt_path last`, until it ends or no kill
is left. The instant is uniform in the first half of the time of a whole training and is counted
from the creation of the run folder. At the end the last checkpoint and every image of new samples
are compared with those of the uninterrupted training. Processes are forked from one with all
imports. Writes benchmarks/results/kills.md.
"""

import argparse
import itertools
import math
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
import yaml
from torch import Tensor

import train

TABLE = Path(__file__).parent / "results" / "kills.md"
EPOCHS, BATCHES = 6, 5
AIMED = 3  # each third kill waits until a checkpoint is being written
NETWORK = {"init_args": {"widths": [64]}}
ADAM = {"class_path": "torch.optim.Adam", "init_args": {"lr": 1e-3}}
SAMPLING = {"class_path": "HistoryAwareSampling", "init_args": {"num_samples": 8}}
SAVING = {
    "class_path": "ModelCheckpoint",
    "init_args": {"filename": "last", "every_n_train_steps": 1, "enable_version_counter": False},
}
TRAINER = {
    **{"accelerator": "cpu", "max_epochs": EPOCHS, "limit_train_batches": BATCHES},
    **{"limit_val_batches": 1, "val_check_interval": 2, "logger": False},
    **{"enable_progress_bar": False, "enable_model_summary": False},
}
MODELS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "EnergyVAE": (
        {
            "latent_dim": 4,
            "encoder": {"class_path": "networks.MLPEncoder", **NETWORK},
            "decoder": {"class_path": "networks.MLPDecoder", **NETWORK},
            "optimizer": ADAM,
        },
        ["LossCurves"],
    ),
    "WGAN": (
        {
            **{"latent_dim": 4, "n_critic": 2},
            "generator": {"class_path": "networks.MLPDecoder", **NETWORK},
            "critic": {"class_path": "networks.MLPEncoder", **NETWORK},
            **{"generator_optimizer": ADAM, "critic_optimizer": ADAM},
        },
        ["LossSwings", "GeneratorEMA"],
    ),
}


@final
@dataclass
class Tally:
    """Counts of the trainings of one model."""

    kills: int = 0
    before_a_step: int = 0  # kills before the process had saved a step
    while_saving: int = 0
    trainings: int = 0
    differences: list[str] = field(default_factory=list)


def write_config(name: str, folder: Path) -> None:
    """Writes <folder>/<name>.yaml, an experiment of some seconds."""
    arguments, names = MODELS[name]
    callbacks = [{"class_path": callback} for callback in names]
    config = {
        "seed_everything": 7,
        "model": {"class_path": name, "init_args": arguments},
        "data": {"class_path": "MNIST5k", "init_args": {"batch_size": 32}},
        "trainer": {**TRAINER, "callbacks": [*callbacks, SAMPLING, SAVING]},
    }
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(config))


def start(name: str, workplace: Path) -> int:
    """Starts or resumes a training in a forked process; returns its id."""
    resumes = bool(list(workplace.glob("runs/*/*/checkpoints/last.ckpt")))
    arguments = ["--config", f"{name}.yaml", *(["--ckpt_path", "last"] if resumes else [])]
    process = os.fork()
    if process:
        return process
    os.chdir(workplace)
    log = os.open("log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv[0] = "train.py"
    status = 1
    try:
        train.main(arguments)
        status = 0
    finally:
        sys.stdout.flush()
        os._exit(status)


def is_saving(workplace: Path) -> bool:
    """Returns whether a checkpoint is being written."""
    return any(workplace.glob("runs/*/*/checkpoints/*.part"))


def stop_while_saving(process: int, workplace: Path) -> bool:
    """Pauses a training that writes a checkpoint; returns whether the file is incomplete."""
    if not is_saving(workplace):
        return False
    os.kill(process, signal.SIGSTOP)
    os.waitid(os.P_PID, process, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    if is_saving(workplace):
        return True
    os.kill(process, signal.SIGCONT)
    return False


def train_for(name: str, workplace: Path, seconds: float, aims: bool = False) -> tuple[bool, float]:
    """Trains until the end or a kill; returns whether it was killed, and its seconds.

    With `aims` the kill waits until a checkpoint is partly written.

    Raises:
        RuntimeError: if the training failed.
    """
    num_runs = len(list(workplace.glob("runs/*/*")))
    process, began = start(name, workplace), math.inf
    while time.monotonic() - began < seconds or (
        aims and not stop_while_saving(process, workplace)
    ):
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            if status:
                raise RuntimeError((workplace / "log.txt").read_text())
            return False, time.monotonic() - began
        if began == math.inf and len(list(workplace.glob("runs/*/*"))) > num_runs:
            began = time.monotonic()
        if time.monotonic() - began < seconds:
            time.sleep(0.002)
    os.kill(process, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(process, 0)[1]), seconds


def last_checkpoint(workplace: Path) -> Path | None:
    paths = workplace.glob("runs/*/*/checkpoints/last.ckpt")
    return max(paths, key=lambda path: path.stat().st_mtime_ns, default=None)


def be_killed(name: str, workplace: Path, delays: Iterator[float], tally: Tally) -> None:
    """Trains to the end with kills after the given delays in seconds."""
    while True:
        before = last_checkpoint(workplace)
        aims = tally.kills % AIMED == 0
        if not train_for(name, workplace, next(delays), aims)[0]:
            return
        tally.kills += 1
        tally.before_a_step += last_checkpoint(workplace) == before
        tally.while_saving += is_saving(workplace)
        for partial in workplace.glob("runs/*/*/checkpoints/*.part"):
            partial.unlink()  # counted once


def outcome(workplace: Path) -> tuple[dict[str, Any], dict[str, set[bytes]]]:
    """Returns the content of the last checkpoint, and the images of new samples by name."""
    path = last_checkpoint(workplace)
    if path is None:
        raise RuntimeError(f"no training ended: {(workplace / 'log.txt').read_text()}")
    content: dict[str, Any] = torch.load(path, weights_only=True)
    saving = [key for key in content["callbacks"] if key.startswith("ModelCheckpoint")]
    content["callbacks"].update(dict.fromkeys(saving))  # names of folders
    images: dict[str, set[bytes]] = {}
    for image in workplace.glob("runs/*/*/images/*-new.png"):
        images.setdefault(image.name, set()).add(image.read_bytes())
    return content, images


def differing(left: Any, right: Any, where: str = "") -> Iterator[str]:
    """Yields the places where two checkpoints differ in at least one bit."""
    if isinstance(left, dict) and isinstance(right, dict):
        yield from (f"{where}/{key}" for key in left.keys() ^ right.keys())
        for key in left.keys() & right.keys():
            yield from differing(left[key], right[key], f"{where}/{key}")
    elif isinstance(left, list | tuple) and isinstance(right, list | tuple):
        if len(left) != len(right):
            yield where
        for place, (a, b) in enumerate(zip(left, right, strict=False)):
            yield from differing(a, b, f"{where}/{place}")
    elif isinstance(left, Tensor) and isinstance(right, Tensor):
        if left.dtype != right.dtype or not torch.equal(left, right):
            yield where
    elif left != right:
        yield where


def measure(name: str, kills: int, folder: Path, chance: random.Random) -> Tally:
    """Trains once without a kill, then repeatedly until there were `kills` kills."""
    tally = Tally()
    whole = folder / "whole"
    whole.mkdir(parents=True)
    write_config(name, whole)
    _, seconds = train_for(name, whole, math.inf)
    expected = outcome(whole)
    assert expected[0]["epoch"] == EPOCHS - 1
    delays = (
        chance.uniform(0, seconds / 2) if tally.kills < kills else math.inf
        for _ in itertools.count()
    )
    while tally.kills < kills:
        workplace = folder / f"killed-{tally.trainings}"
        workplace.mkdir()
        write_config(name, workplace)
        be_killed(name, workplace, delays, tally)
        result = outcome(workplace)
        tally.trainings += 1
        tally.differences += differing(expected[0], result[0])
        tally.differences += differing(expected[1], result[1], "images")
        shutil.rmtree(workplace)
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", type=Path, default=TABLE)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    torch.set_num_threads(1)  # a pool of threads would not survive the fork
    shares = {"EnergyVAE": options.kills - options.kills // 2, "WGAN": options.kills // 2}
    rows = []
    for name, kills in shares.items():
        with tempfile.TemporaryDirectory() as folder:
            tally = measure(name, kills, Path(folder), chance)
        counts = (tally.kills, tally.trainings, tally.before_a_step, tally.while_saving)
        rows.append(" | ".join(map(str, (name, *counts, len(tally.differences)))))
        print(rows[-1], *sorted(set(tally.differences)), sep="\n  ", flush=True)
    columns = "model | kills | trainings | before a step | while saving | differences"
    table = "\n".join(f"| {row} |" for row in (columns, " | ".join(["---"] * 6), *rows))
    options.table.write_text(
        f"# Trainings that are killed\n\n`python -m benchmarks.kills --kills {options.kills} "
        f"--seed {options.seed}`\n\nEach training has {EPOCHS * BATCHES} steps and a checkpoint "
        "after each, and is resumed after each kill. Kills are at random instants or, each third "
        "time, during the writing of a checkpoint. Columns count kills before the process had "
        "saved a step, and kills that left a partial file. Differences: entries of the last "
        "checkpoint (weights, optimizers, average, history, counters) and images of new samples "
        "that differ in a bit from those of the uninterrupted training; torch "
        f"{torch.__version__}, one thread.\n\n{table}\n"
    )


if __name__ == "__main__":
    main()
