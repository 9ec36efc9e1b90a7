"""The commands `sample` and `export`: new images for a gallery; the generator as files."""

import os
from pathlib import Path
from typing import Any, final

from lightning import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.strategies.launchers import _MultiProcessingLauncher
from torch import nn

from commands.errors import UsageError
from commands.export.generator_files import check_exportable, check_free, write_generator
from commands.run.checkpoints import holds_average
from commands.run.folder import run_of
from commands.run.summary import print_exported, print_samples, print_sampling
from commands.sample.decoding import draw_samples
from commands.sample.feature_choice import FeatureOptions
from commands.sample.model import Combination, sampled_model
from commands.sample.request import SampleRequest, SamplerName, digest
from lightning_modules.interface import LatentGenerator, provides

__all__ = ["SamplingTrainer", "leave_out_training", "take_one_processor"]


@final
class SamplingTrainer(Trainer):
    """Lightning's trainer with two commands more."""

    def sample(
        self,
        model: LightningModule,
        ckpt_path: str,
        num_samples: int,
        history: str | None = None,
        gallery: str = "default",
        output: str | None = None,
        sampler: SamplerName = "history_aware",
        chunk_size: int = 64,
        use_ema: bool = False,
        more_checkpoints: list[str] | None = None,
        combine: Combination = "mixture",
        feature_network: nn.Module | None = None,
        num_real: int = 4000,
        min_distance: float | None = None,
        num_steps: int | None = None,
        weights_only: bool | None = None,
        datamodule: LightningDataModule | None = None,
    ) -> None:
        """Draw new images that complement all in a gallery, and record them there.

        Several commands may draw into one gallery at once. A command that was stopped is finished
        by giving it again with the --output that it named. Draws depend on --seed_everything and
        on the number of samples in the gallery; --trainer.* says where images are decoded.

        Args:
            model: Can be sampled; its weights are replaced by the checkpoint's.
            ckpt_path: Checkpoint that decodes; 'last' for the newest one of this experiment.
            num_samples: Number of images that the output folder is to hold in the end.
            history: Database of galleries: sqlite:///gallery.db (a file) or
                postgresql+psycopg://user@host/database. Default: gallery.db in the folder of the
                checkpoint's run.
            gallery: Name of the gallery in the database; created if missing.
            output: Folder for images and manifest.json. Default: samples/<time> in the folder of
                the checkpoint's run.
            sampler: How latents are chosen: history_aware by the latents themselves, feature by
                what they decode to; the last two do not look at the gallery's points and are
                there to compare.
            chunk_size: Images chosen and recorded together; larger is better and slower.
            use_ema: Whether to decode by the average of the generator that the callback
                GeneratorEMA left in the checkpoint.
            more_checkpoints: Further checkpoints of the same model, as '[a.ckpt, b.ckpt]'; all are
                sampled together, with a gallery of their own.
            combine: How more_checkpoints are sampled: mixture chooses one for each sample by one
                latent coordinate more; average averages their images of the same latent, for
                snapshots of one run.
            feature_network: Of the sampler feature, what images are compared by, as
                networks.DigitFeatures; a gallery is for one network alone.
            num_real: Of the sampler feature, the number of training examples, taken at random, that
                all images together are to be like.
            min_distance: Of the sampler feature, the wanted distance of new images from all others
                in features; shorter ones are penalized, not excluded. Default: what
                three quarters of independent images keep; 0 is no penalty.
            num_steps: Of the sampler feature, most steps of the descent; 0 chooses among samples
                of the prior alone. Default: 50, or 0 for what passes no gradients on.
            weights_only: Has no effect: sampling reads nothing but weights.
            datamodule: Holds the training examples that the sampler feature needs, others do not.
        """
        _check_model(model, self)
        options = FeatureOptions(feature_network, num_real, min_distance, num_steps)
        if sampler != "feature":
            options.check_left_out(sampler)
        checkpoints = tuple(map(Path, [ckpt_path, *(more_checkpoints or [])]))
        model = sampled_model(model, checkpoints, combine, use_ema)
        if not self.is_global_zero:
            draw_samples(self, model, None)
            return
        run = SampleRequest(
            checkpoints=checkpoints,
            num_samples=num_samples,
            history=history,
            gallery=gallery,
            output=output,
            sampler=sampler,
            chunk_size=chunk_size,
            seed=int(os.environ.get("PL_GLOBAL_SEED", "0")),
            use_ema=use_ema,
            features=options.choice(datamodule, self.strategy.root_device)
            if sampler == "feature"
            else None,
        ).open(model)
        print_sampling(run)
        try:
            draw_samples(self, model, run)
        finally:
            run.folder.close()
            print_samples(run)

    def export(
        self,
        model: LightningModule,
        ckpt_path: str,
        output: str | None = None,
        use_ema: bool | None = None,
        program: bool = True,
        weights_only: bool | None = None,
        datamodule: LightningDataModule | None = None,
    ) -> None:
        """Write the generator as files that others load without this repository.

        `export <run folder>` is short for its config.yaml and its last checkpoint.

        Args:
            model: Is fed with latents; its weights are replaced by the checkpoint's.
            ckpt_path: Checkpoint; 'last' for the newest one of this experiment.
            output: Folder, new or empty, for generator.safetensors, generator.json and
                generator.pt2. Default: export in the folder of the checkpoint's run.
            use_ema: Whether to take the average of the generator that the callback GeneratorEMA
                left in the checkpoint. Default: if there is one.
            program: Whether to write generator.pt2, which decodes with no code but torch's.
            weights_only: Has no effect: nothing but weights is read.
            datamodule: Has no effect: no data are needed.
        """
        if not self.is_global_zero:
            return
        path = Path(ckpt_path)
        folder = run_of(path) / "export" if output is None else Path(output)
        check_exportable(model)
        check_free(folder)
        averaged = holds_average(path) if use_ema is None else use_ema
        sampled_model(model, (path,), use_ema=averaged)
        told = {"checkpoint_sha256": digest(path), "averaged": averaged}
        print_exported(write_generator(model, folder, told, program), averaged)


def leave_out_training(options: Any) -> None:
    """Takes from a fit's trainer options, in place, what would log, save or cut sampling short."""
    options.callbacks = None
    options.logger = False
    options.enable_checkpointing = False
    options.profiler = None
    options.fast_dev_run = False
    options.limit_predict_batches = None
    options.overfit_batches = 0.0


def take_one_processor(options: Any) -> None:
    """Lets one process do without the accelerators of a fit's trainer options, in place."""
    options.accelerator = "cpu"
    options.devices = 1
    options.num_nodes = 1
    options.strategy = "auto"
    options.precision = None


def _check_model(model: LightningModule, trainer: Trainer) -> None:
    """Raises UsageError unless the model can be sampled by processes as the trainer starts them."""
    if not provides(model, LatentGenerator):
        raise UsageError(
            f"`model` must have `prior` and `decode` to be sampled, got {type(model).__name__}."
        )
    # its name is private; tests/test_bad_input.py fails if it stops being what ddp_spawn has
    if isinstance(trainer.strategy.launcher, _MultiProcessingLauncher):
        raise UsageError(
            "`trainer.strategy` must start processes by this command, as ddp does, got one that "
            "copies what is in memory, as ddp_spawn and ddp_fork do."
        )
