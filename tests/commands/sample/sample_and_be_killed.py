"""Processes that sample into one gallery and are killed; started by test_run.py."""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from commands.sample.files import write_samples
from commands.sample.folder import SampleFolder
from commands.sample.run import SampleRun
from hawc import DatabaseHistory, IndependentSampler, StandardNormal

TARGET = StandardNormal(3)
DESCRIPTION = {"checkpoint_sha256": "", "gallery": "default", "sampler": "independent", "seed": 0}
WORKERS, KILLS = 4, 40
ENDLESS = 100_000  # more samples than a worker gets before it is killed


def history(folder: Path) -> DatabaseHistory:
    return DatabaseHistory(f"sqlite:///{folder}/gallery.db", TARGET, create=True)


def sample(folder: Path, worker: int, num_samples: int) -> None:
    run = SampleRun(
        SampleFolder(folder / str(worker), DESCRIPTION),
        IndependentSampler(TARGET, history(folder)),
        num_samples=num_samples,
        chunk_size=2,
        seed=0,
    )
    for index in range(run.num_chunks):
        chunk = run.next_chunk(index)
        images = chunk.latents.sigmoid()[:, :, None, None].expand(-1, -1, 8, 8)
        run.finish(chunk, write_samples(run.folder.path, chunk.ids, images))


def start(folder: Path, worker: int, num_samples: int = ENDLESS) -> int:
    process = os.fork()
    if process == 0:
        sample(folder, worker, num_samples)
        os._exit(0)
    return process


def check(folder: Path) -> list[int]:
    """Returns the listed samples; each must be recorded and have a whole image."""
    listed = [
        (path.parent, entry)
        for path in folder.glob("*/manifest.json")
        for entry in json.loads(path.read_text())["samples"]
    ]
    recorded = history(folder).points()  # read last: other processes append meanwhile
    for output, entry in listed:
        assert torch.equal(torch.tensor(entry["latent"]), recorded[entry["id"]])
        # the last bytes of every PNG
        assert (output / entry["file"]).read_bytes().endswith(b"IEND\xaeB`\x82")
    ids = [entry["id"] for _, entry in listed]
    assert len(set(ids)) == len(ids)
    return ids


def kill(process: int) -> bool:
    """Returns whether the signal ended the process."""
    os.kill(process, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(process, 0)[1])


def main(folder: Path) -> None:
    chance = random.Random(0)
    history(folder)
    running = {worker: start(folder, worker) for worker in range(WORKERS)}
    hits = 0
    for _ in range(KILLS):
        time.sleep(chance.uniform(0, 0.03))
        worker = chance.randrange(WORKERS)
        hits += kill(running[worker])
        check(folder)
        running[worker] = start(folder, worker)
    hits += sum(map(kill, running.values()))
    for worker in range(WORKERS):
        listed = len(SampleFolder(folder / str(worker), DESCRIPTION))
        running[worker] = start(folder, worker, listed + 20)
    assert all(os.waitpid(process, 0)[1] == 0 for process in running.values())
    shown = len(check(folder))
    print(json.dumps({"hits": hits, "recorded": len(history(folder)), "shown": shown}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
