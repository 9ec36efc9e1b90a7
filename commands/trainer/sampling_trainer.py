"""Lightning's trainer with the commands `sample` and `export`."""

import os
from pathlib import Path
from typing import Any, final

from lightning import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.strategies.launchers import _MultiProcessingLauncher

from commands.errors import UsageError
from commands.export.generator_files import check_exportable, check_free, write_generator
from commands.run.checkpoints import holds_average
from commands.run.folder import default_place
from commands.run.summary import print_exported, print_samples, print_sampling
from commands.sample.decoding import write_missing_samples
from commands.sample.model import sampled_model
from commands.sample.request import SampleRequest, digest
from lightning_modules.interface import LatentGenerator, provides

__all__ = ["SamplingTrainer", "leave_out_training", "take_one_processor"]


@final
class SamplingTrainer(Trainer):
    """Trains, samples new images and exports the generator as files."""

    def sample(
        self,
        model: LightningModule,
        weights_only: bool | None = None,
        datamodule: LightningDataModule | None = None,
        **options: Any,
    ) -> None:
        """Sample new images that complement all in a gallery, and record them there.

        Several commands may sample into one gallery at once. A stopped command is finished by
        giving it again with the --output that it printed. Samples depend on --seed_everything and
        on the number of samples in the gallery; --trainer.* sets where images are decoded.

        Args:
            model: Has latents; its weights are replaced by those of the checkpoint.
            weights_only: Has no effect; only weights are read.
            datamodule: Holds the training examples for a sampler that compares images.
            options: As `SampleRequest` has them.
        """
        _check_model(model, self)
        request = SampleRequest(**options)
        model = request.load(model)
        if not self.is_global_zero:
            write_missing_samples(self, model, None)
            return
        seed = int(os.environ.get("PL_GLOBAL_SEED", "0"))
        run = request.open(model, datamodule, self.strategy.root_device, seed)
        print_sampling(run)
        try:
            write_missing_samples(self, model, run)
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
        """Write the generator as files that load without this repository.

        `export <run folder>` is short for its config.yaml and its last checkpoint.

        Args:
            model: Has latents; its weights are replaced by those of the checkpoint.
            ckpt_path: Checkpoint; 'last' for the newest one of this experiment.
            output: Folder, new or empty, for generator.safetensors, generator.json and
                generator.pt2. Default: export in the folder of the checkpoint's run.
            use_ema: Whether to take the average of the generator that the callback GeneratorEMA
                saved in the checkpoint. Default: if there is one.
            program: Whether to write generator.pt2, which decodes with torch alone.
            weights_only: Has no effect; only weights are read.
            datamodule: Has no effect; no data are needed.
        """
        if not self.is_global_zero:
            return
        path = Path(ckpt_path)
        folder = Path(output or default_place(path, "export", "output"))
        check_exportable(model)
        check_free(folder)
        averaged = holds_average(path) if use_ema is None else use_ema
        sampled_model(model, (path,), use_ema=averaged)
        metadata = {"checkpoint_sha256": digest(path), "averaged": averaged}
        print_exported(write_generator(model, folder, metadata, program), averaged)


def leave_out_training(options: Any) -> None:
    """Resets trainer options, in place, that would log, save or stop sampling early."""
    options.callbacks = None
    options.logger = False
    options.enable_checkpointing = False
    options.profiler = None
    options.fast_dev_run = False
    options.limit_predict_batches = None
    options.overfit_batches = 0.0


def take_one_processor(options: Any) -> None:
    """Sets trainer options, in place, to one process on the CPU."""
    options.accelerator = "cpu"
    options.devices = 1
    options.num_nodes = 1
    options.strategy = "auto"
    options.precision = None


def _check_model(model: LightningModule, trainer: Trainer) -> None:
    """Raises UsageError unless this trainer can sample the model."""
    if not provides(model, LatentGenerator):
        raise UsageError(f"`model` must have `prior` and `decode`, got {type(model).__name__}.")
    # private: docs/private-names.md
    if isinstance(trainer.strategy.launcher, _MultiProcessingLauncher):
        raise UsageError(
            "`trainer.strategy` must start processes by this command, as ddp does, got one that "
            "copies this process, as ddp_spawn and ddp_fork do; name --trainer.strategy ddp."
        )
