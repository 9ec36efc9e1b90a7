"""Samples in two processes of which the second decodes to NaN; started by test_faults.py."""

import sys
from itertools import count
from pathlib import Path
from typing import Any

import torch

from commands.errors import UsageError
from commands.sample.decoding import write_missing_samples
from commands.sample.folder import SampleFolder
from commands.sample.run import SampleRun
from hawc import DatabaseHistory, IndependentSampler, StandardNormal
from tests.helpers import quiet_trainer, tiny_energy_vae

TARGET = StandardNormal(2)
DESCRIPTION = {"checkpoint_sha256": "", "gallery": "default", "sampler": "independent", "seed": 0}


def main(folder: Path) -> None:
    trainer, model, calls = (
        quiet_trainer(folder, devices=2, strategy="ddp"),
        tiny_energy_vae(),
        count(),
    )

    def spoil(*given: Any) -> torch.Tensor | None:
        is_first_chunk = next(calls) == 1  # call 0 checks the weights
        return given[-1] * torch.nan if is_first_chunk and trainer.global_rank == 1 else None

    model.decoder.register_forward_hook(spoil)
    run = None
    if trainer.is_global_zero:
        history = DatabaseHistory(f"sqlite:///{folder}/gallery.db", TARGET, create=True)
        out = SampleFolder(folder / "out", DESCRIPTION)
        run = SampleRun(out, IndependentSampler(TARGET, history), 8, 4, seed=0)
    try:
        write_missing_samples(trainer, model, run)
    except UsageError as error:
        (folder / f"refused-{trainer.global_rank}").write_text(str(error))
    torch.distributed.destroy_process_group()  # else gloo's threads may abort the process at exit


if __name__ == "__main__":
    main(Path(sys.argv[1]))
