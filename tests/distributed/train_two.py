"""Trains in two processes and leaves what each of them saw; started by test_ddp.py."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer, seed_everything

from callbacks import (
    HistoryAwareSampling,
    Interpolation,
    LatentMap,
    LatentStatistics,
    LossCurves,
    Reconstructions,
)
from tests.helpers import (
    TinyImages,
    quiet_trainer,
    tiny_energy_vae,
    tiny_sngan,
    tiny_vae,
    tiny_wgan,
)

MODELS: dict[str, Callable[[], LightningModule]] = {
    "energy_vae": tiny_energy_vae,
    "sngan": tiny_sngan,
    "vae": tiny_vae,
    "wgan": tiny_wgan,
}


class Note(Callback):
    """Collects this process's labels and the random numbers that its steps leave behind."""

    def __init__(self) -> None:
        self.labels: list[int] = []
        self.noise: list[float] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        if trainer.current_epoch == 0:
            self.labels += [round(float(value), 4) for value in batch[0].sum((1, 2, 3))]
        self.noise.append(float(torch.rand(())))


def main(model: str, folder: Path) -> None:
    seed_everything(0, verbose=False)
    note, sampling = Note(), HistoryAwareSampling(num_samples=4)
    shown: list[Callback] = [LossCurves()]
    if model != "wgan":
        shown += [Interpolation(), LatentMap(), LatentStatistics(), Reconstructions()]
    trainer = quiet_trainer(
        folder,
        max_epochs=2,
        devices=2,
        strategy="ddp_find_unused_parameters_true",
        callbacks=[*shown, sampling, note],
    )
    module = MODELS[model]()
    trainer.fit(module, TinyImages(batch_size=9))
    points = sampling.state_dict()["points"]
    seen = {
        "weights": [float(w.double().sum()) for w in module.state_dict().values()],
        "history": points.tolist(),
        "num_history": len(points),
        "labels": note.labels,
        "noise": note.noise,
        "codes": [float(v) for k, v in trainer.callback_metrics.items() if k[:8] == "val/code"],
        "num_codes": float(trainer.callback_metrics.get("val/num_codes", 0)),
    }
    (folder / f"rank-{trainer.global_rank}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
