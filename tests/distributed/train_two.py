"""Trains models in two processes and leaves what each of them saw; started by test_ddp.py."""

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer, seed_everything
from torch import nn

from callbacks import (
    CriticSlopes,
    GenerationQuality,
    GeneratorEMA,
    GradientNorms,
    HistoryAwareSampling,
    Interpolation,
    LatentMap,
    LatentStatistics,
    LossCurves,
    LossSwings,
    ModeCollapse,
    Reconstructions,
    ValidationDistances,
)
from lightning_modules import WGAN
from metrics import SquaredEnergyDistance
from tests.helpers import (
    TinyImages,
    quiet_trainer,
    tiny_energy_vae,
    tiny_sngan,
    tiny_vae,
    tiny_wgan,
)

__all__ = ["AUTOENCODERS", "MODELS", "NUM_HELD_OUT"]

AUTOENCODERS = ("energy_vae", "vae")
NUM_HELD_OUT = 8  # a tenth of the tiny images
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


def train(model: str, folder: Path) -> None:
    """Trains one model and writes <folder>/rank-<rank>.json beside its images."""
    seed_everything(0, verbose=False)
    note, ema = Note(), GeneratorEMA()
    sampling = HistoryAwareSampling(num_samples=4, use_ema=model not in AUTOENCODERS)
    measures = {"distance": SquaredEnergyDistance(nn.Flatten())}
    quality = GenerationQuality(measures, num_samples=5, num_real=20, table_size=2)
    shown: list[Callback] = [LossCurves(), quality]
    if model in AUTOENCODERS:
        shown += [Interpolation(), LatentMap(), LatentStatistics(), Reconstructions()]
        shown.append(ValidationDistances(measures, num_samples=NUM_HELD_OUT))
    else:
        shown += [ema, GradientNorms(), CriticSlopes(8), LossSwings(), ModeCollapse(8)]
    trainer = quiet_trainer(
        folder,
        max_epochs=2,
        devices=2,
        strategy="ddp_find_unused_parameters_true",
        callbacks=[*shown, sampling, note],
    )
    module = MODELS[model]()
    if isinstance(module, WGAN):  # whose running statistics the processes do not share
        assert isinstance(module.generator, nn.Sequential)
        module.generator.insert(1, nn.BatchNorm1d(16))
    trainer.fit(module, TinyImages(batch_size=9))
    points = sampling.state_dict()["points"]
    shared = {k: w for k, w in module.state_dict().items() if "running" not in k}
    seen = {
        "weights": [float(w.double().sum()) for w in shared.values()],
        "history": points.tolist(),
        "num_history": len(points),
        "labels": note.labels,
        "noise": note.noise,
        "average": {k: v.double().sum().item() for k, v in ema.state_dict()["average"].items()},
        "codes": [float(v) for k, v in trainer.callback_metrics.items() if k[:8] == "val/code"],
        "quality": [float(v) for k, v in trainer.callback_metrics.items() if k[:8] == "quality/"],
        "num_latents": float(trainer.callback_metrics.get("val/num_latents", 0)),
        "distance": float(trainer.callback_metrics.get("val/distance", math.nan)),
    }
    torch.save(module.state_dict(), folder / f"weights-{trainer.global_rank}.pt")
    (folder / f"rank-{trainer.global_rank}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    for name in MODELS:
        train(name, Path(sys.argv[1]) / name)
