"""Processes that draw into one gallery and are killed; started by test_sample_run.py."""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from commands.sample_files import write_samples
from commands.sample_folder import SampleFolder
from commands.sample_run import SampleRun
from hawc import DatabaseHistory, IndependentSampler, StandardNormal

TARGET = StandardNormal(3)
TOLD = {"checkpoint_sha256": "", "gallery": "default", "sampler": "independent", "seed": 0}
WORKERS, SAMPLES, KILLS = 4, 100, 40


def history(folder: Path) -> DatabaseHistory:
    return DatabaseHistory(f"sqlite:///{folder}/gallery.db", TARGET)


def draw(folder: Path, worker: int) -> None:
    store = history(folder)
    run = SampleRun(
        SampleFolder(folder / str(worker), TOLD),
        store,
        IndependentSampler(TARGET),
        num_samples=SAMPLES,
        chunk_size=2,
        seed=0,
    )
    for index in range(run.num_chunks):
        chunk = run.next_chunk(index)
        pictures = chunk.latents.sigmoid()[:, :, None, None].expand(-1, -1, 8, 8)
        run.folder.finish(chunk, write_samples(run.folder.path, chunk.ids, pictures))


def start(folder: Path, worker: int) -> int:
    process = os.fork()
    if process == 0:
        draw(folder, worker)
        os._exit(0)
    return process


def check(folder: Path) -> list[int]:
    """Returns the samples that manifests list, each recorded and with a whole picture."""
    listed = [
        (path.parent, entry)
        for path in folder.glob("*/manifest.json")
        for entry in json.loads(path.read_text())["samples"]
    ]
    recorded = history(folder).points()  # after the manifests: others go on meanwhile
    for output, entry in listed:
        assert torch.equal(torch.tensor(entry["latent"]), recorded[entry["id"]])
        # the last bytes of every PNG
        assert (output / entry["file"]).read_bytes().endswith(b"IEND\xaeB`\x82")
    ids = [entry["id"] for _, entry in listed]
    assert len(set(ids)) == len(ids)
    return ids


def main(folder: Path) -> None:
    chance = random.Random(0)
    history(folder)
    running = {worker: start(folder, worker) for worker in range(WORKERS)}
    hits = 0
    for _ in range(KILLS):
        time.sleep(chance.uniform(0, 0.03))
        worker = chance.randrange(WORKERS)
        os.kill(running[worker], signal.SIGKILL)
        _, status = os.waitpid(running[worker], 0)
        hits += os.WIFSIGNALED(status)
        check(folder)
        running[worker] = start(folder, worker)
    for worker in range(WORKERS):
        os.waitpid(running[worker], 0)
        _, status = os.waitpid(start(folder, worker), 0)
        assert status == 0
    shown = len(check(folder))
    print(json.dumps({"hits": hits, "recorded": len(history(folder)), "shown": shown}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
