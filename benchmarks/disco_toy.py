"""DiscoGAN's toy: modes of B that DiscoGAN and two simpler systems reach from A.

    python -m benchmarks.disco_toy [--seeds 0 1 2] [--batches 6000]

Trains the three systems of the paper's section 3.1 (Kim et al. 2017, arXiv 1703.05192): a GAN from
A to B, the same with a reconstruction loss of A, and DiscoGAN. Networks, weights, optimizers and
linear decay are those of configs/disco_gan_toy.yaml. After every thousandth batch 10,000 points of
A are translated. A mode is covered if at least a tenth of its fair share of points lies within four
standard deviations of it. Writes benchmarks/results/disco_toy.md.
"""

import argparse
import os
import time
from functools import partial
from pathlib import Path
from typing import Any, final

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from lightning import Callback, LightningModule, Trainer, seed_everything

from benchmarks.coverage import coverage
from datamodules import ToyDomains
from lightning_modules import DiscoGAN
from networks import MLPEncoder, MLPTranslator

RESULTS = Path(__file__).parent / "results" / "disco_toy.md"
SYSTEMS: dict[str, dict[str, Any]] = {
    "GAN": {"both_ways": False, "weights": (1.0, 0.0)},
    "GAN with reconstruction": {"both_ways": False, "weights": (1.0, 10.0)},
    "DiscoGAN": {"weights": (1.0, 10.0)},
}
WIDTH, EACH = 128, 1_000


@final
class CoverageCurve(Callback):
    """Records the coverage of B after every thousandth batch."""

    def __init__(self, data: ToyDomains) -> None:
        self._data = data
        self._points, _ = data.read(train=False)
        self.covered: list[int] = []
        self.near: list[float] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        assert isinstance(pl_module, DiscoGAN)
        if pl_module.batch_count % EACH == 0:
            with torch.no_grad():
                translated = pl_module.translate_to_b(self._points)
            covered, near = coverage(translated, self._data.modes_b, self._data.mode_std)
            self.covered.append(covered)
            self.near.append(near)


def row(name: str, seed: int, num_batches: int) -> str:
    """Trains one system from one seed and returns its line of the table."""
    seed_everything(seed, verbose=False)
    adam = partial(torch.optim.Adam, lr=1e-3, betas=(0.5, 0.999), fused=True)
    # a third of all batches are critic steps, the others generator steps
    decay = partial(torch.optim.lr_scheduler.LinearLR, start_factor=1.0, end_factor=0.0)
    model = DiscoGAN(
        (2,),
        partial(MLPTranslator, widths=(WIDTH,) * 2),
        partial(MLPEncoder, widths=(WIDTH,) * 4),
        generator_optimizer=adam,
        critic_optimizer=adam,
        generator_scheduler=partial(decay, total_iters=2 * num_batches // 3),
        critic_scheduler=partial(decay, total_iters=num_batches // 3),
        **SYSTEMS[name],
    )
    data = ToyDomains(num_validation=0)
    curve = CoverageCurve(data)
    trainer = Trainer(
        max_steps=num_batches,
        max_epochs=-1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[curve],
    )
    start = time.process_time()
    trainer.fit(model, data)
    seconds = time.process_time() - start
    covered = " ".join(map(str, curve.covered))
    return f"| {name} | {seed} | {covered} | {100 * curve.near[-1]:.1f} % | {seconds:.0f} |"


def main() -> None:
    """Prints the table line by line and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--batches", type=int, default=6_000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # these networks are too small for two
    seeds = " ".join(map(str, arguments.seeds))
    lines = [
        "# DiscoGAN's toy: from five modes to ten\n",
        f"`python -m benchmarks.disco_toy --batches {arguments.batches} --seeds {seeds}`; covered "
        "modes of B after every thousand batches (a third of them critic steps), share of "
        "translated points within four standard deviations of a mode at the end, seconds of one "
        "CPU core.\n",
        "| system | seed | covered of 10 | near a mode | s |",
        "|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    for seed in arguments.seeds:
        for name in SYSTEMS:
            lines.append(row(name, seed, arguments.batches))
            print(lines[-1], flush=True)
            RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
