"""LightningCLI with early checks, a folder for each run and a summary at the end."""

import copy
import logging
from pathlib import Path
from typing import Any, final

from lightning import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import CSVLogger, WandbLogger
from lightning.pytorch.plugins import CheckpointIO
from lightning.pytorch.plugins.environments import ClusterEnvironment
from lightning.pytorch.utilities import rank_zero_only

from callbacks.preemption import Preempted
from commands.errors import UsageError
from commands.performance import NoProfiler, is_switched_off
from commands.run.batch_checks import image_shape
from commands.run.callback_checks import interval_notice
from commands.run.checkpoints import check_checkpoint, check_unfinished
from commands.run.checks import check_batches, check_run
from commands.run.cluster_job import num_processes, slurm_environment, this_job
from commands.run.config_files import MODE
from commands.run.error_origin import origin, refuses_arguments, refuses_options
from commands.run.folder import (
    LAST_CHECKPOINT,
    choose_run_folder,
    create_run_folder,
    latest_checkpoint,
)
from commands.run.loggers import RunLoggers, as_list, continue_metrics, settle_wandb_mode
from commands.run.options import OneLineParser, check_paths, experiment_name
from commands.run.processes import check_copies, check_processes
from commands.run.summary import print_start, print_summary
from commands.run.written_config import WriteConfig, check_same_run, classes_of_main, notice_of_main
from commands.sample.sampler import SUPPLIED
from commands.trainer.atomic_checkpoint_io import AtomicCheckpointIO
from commands.trainer.ddp_strategy import ddp_strategy, strategy_notice
from commands.trainer.default_callbacks import checkpoint_folders, default_callbacks
from commands.trainer.sampling_trainer import (
    SamplingTrainer,
    leave_out_training,
    take_one_processor,
)
from lightning_modules import TrainingError
from lightning_modules.base.checkpoints import can_resume

__all__ = ["COMMANDS", "ExperimentCLI"]

COMMANDS = ("fit", "validate", "test", "sample", "export")

_AFTER_TRAINING = ("sample", "export")  # commands that write no log and no checkpoint


@final
class ExperimentCLI(LightningCLI):
    """Runs one experiment from configuration files and options.

    Raises:
        UsageError: if an option, a file or a combination of them is wrong. Nothing has been
            written then.
    """

    def __init__(self) -> None:
        super().__init__(
            LightningModule,
            LightningDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            trainer_class=SamplingTrainer,
            save_config_callback=WriteConfig,
            save_config_kwargs={"save_to_log_dir": False},
            trainer_defaults={"log_every_n_steps": 10},  # 50 leaves short epochs without a loss
            seed_everything_default=0,
            auto_configure_optimizers=False,
            parser_class=OneLineParser,
            # "+": interpolations are resolved after all files and options are merged. allow_abbrev
            # must be off on the main parser, or --trainer.max_step would silently set max_steps
            parser_kwargs={"prog": "train.py", "parser_mode": MODE, "allow_abbrev": False},
        )

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        skipped = LightningCLI.subcommands()
        skipped |= {name: {"model", "datamodule"} for name in _AFTER_TRAINING}
        skipped["sample"] |= {f"sampler.init_args.{name}" for name in SUPPLIED}
        return {name: skipped[name] for name in COMMANDS}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument(
            "--name",
            type=str | None,
            default=None,
            help="of the experiment; default: that of its configuration file",
        )
        parser.add_argument(
            "--run_folder",
            type=str | None,
            default=None,
            help="new or empty folder of the run; default: runs/<name>/<time>",
        )
        parser.link_arguments(
            "data", "model.init_args.image_shape", image_shape, apply_on="instantiate"
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        super().parse_arguments(parser, args)
        seed = self.config[self.config.subcommand].seed_everything
        if not 0 <= seed < 2**32:  # the range of NumPy's seeds
            raise UsageError(f"`seed_everything` must be 0 to {2**32 - 1}, got {seed}.")

    def _parse_ckpt_path(self) -> None:
        """Does nothing, so that the command line beats hyperparameters in a checkpoint.

        Lightning's method lets the checkpoint win, without a message and without an option against
        it. The name is private: docs/private-names.md.
        """

    def before_instantiate_classes(self) -> None:
        options = self.config[self.subcommand]
        check_paths(options)
        options.name = options.name or experiment_name(options)
        self.job = this_job()
        job_name = self.job.name if self.job else None
        self.run_folder = choose_run_folder(options.run_folder, options.name, job_name)
        self._starts_again = bool(self.job and self.job.restarts)
        self._is_restart = self._starts_again and self.subcommand == "fit"
        self._find_checkpoint(options)
        if self.subcommand in _AFTER_TRAINING:
            leave_out_training(options.trainer)
            if self.subcommand == "export":
                take_one_processor(options.trainer)
            self.save_config_callback = None
        self._wandb_notice = settle_wandb_mode()
        self._loggers = RunLoggers(
            self.run_folder,
            options.name,
            self.job,
            self._is_restart,
            self._wandb_notice is not None,
        )
        self._names_main = False  # set by the first process in `_check_and_announce`
        self.save_config_kwargs["configured_loggers"] = copy.deepcopy(options.trainer.logger)
        self._loggers.complete(options.trainer.logger)

    def _find_checkpoint(self, options: Any) -> None:
        """Replaces `--ckpt_path last`, or a restarted job's missing path, by that of a file."""
        last = self.run_folder / LAST_CHECKPOINT
        if self._is_restart and last.exists():
            options.ckpt_path = str(last)
        elif options.get("ckpt_path") == "last":
            preferred = can_resume if self.subcommand == "fit" else None
            folders = checkpoint_folders(options.trainer.callbacks)
            options.ckpt_path = str(latest_checkpoint(options.name, preferred, folders))

    def instantiate_classes(self) -> None:
        try:
            super().instantiate_classes()
            return
        except Exception as error:
            found = origin(error)
        if isinstance(found, TypeError) and "`devices`" in str(found):  # raised by Lightning
            raise UsageError(
                "`trainer.devices` must be auto or a number of processes above 0, on GPUs also -1 "
                f"or a list of them, got {self.config[self.subcommand].trainer.devices}."
            ) from found
        if refuses_arguments(found):
            raise UsageError(str(found)) from found
        raise found

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        configured = self.config_init[self.subcommand]["trainer"]
        logs = configured["logger"] is not False and not configured["barebones"]
        callbacks = as_list(configured["callbacks"])
        self.trainer_defaults["callbacks"] = default_callbacks(
            callbacks, configured, self.run_folder, self.job is not None
        )
        processes = num_processes(configured, self.job)
        uses_own = not configured["barebones"] and not is_switched_off()
        strategy = ddp_strategy(self.model, {**configured, **processes})
        self._strategy_notice = strategy_notice(self.model, configured["strategy"], strategy)
        return super().instantiate_trainer(
            default_root_dir=str(self.run_folder),
            logger=self._loggers.make(configured["logger"]) if logs else False,
            plugins=self._plugins(configured["plugins"]),
            profiler=configured["profiler"] or (NoProfiler() if uses_own else None),
            strategy=strategy,
            **processes,
            **kwargs,
        )

    def _plugins(self, configured: Any) -> list[Any]:
        """Returns the configured plugins and, unless among them, ours."""
        plugins = as_list(configured)
        if not any(isinstance(plugin, CheckpointIO) for plugin in plugins):
            plugins.append(AtomicCheckpointIO())
        slurm = slurm_environment()
        if slurm and not any(isinstance(plugin, ClusterEnvironment) for plugin in plugins):
            plugins.append(slurm)
        return plugins

    def before_fit(self) -> None:
        self._check_and_announce("fit")

    def before_validate(self) -> None:
        self._check_and_announce("validate")

    def before_test(self) -> None:
        self._check_and_announce("test")

    def fit(self, **arguments: Any) -> None:
        """Trains and prints a summary, also after an interruption or an error."""
        lost, saved, can_continue = False, None, True
        try:
            self.trainer.fit(**arguments)
        except TrainingError:
            lost = True
            raise
        except Preempted as stop:
            saved = stop.checkpoint
            raise
        except Exception as error:
            can_continue = not refuses_options(error)  # Lightning would refuse the options again
            raise
        finally:
            can_continue = can_continue and not self._names_main
            has_max_time = self.config[self.subcommand].trainer.max_time is not None
            print_summary(self.run_folder, self.trainer, lost, saved, has_max_time, can_continue)

    def after_validate(self) -> None:
        print_summary(self.run_folder, self.trainer)

    def after_test(self) -> None:
        print_summary(self.run_folder, self.trainer)

    @rank_zero_only
    def _check_and_announce(self, stage: str) -> None:
        """Makes all checks, then creates the run's folder and prints how the run starts."""
        ckpt_path = self.config_init[self.subcommand].get("ckpt_path")
        self._check(stage, ckpt_path)
        writers = [c for c in self.trainer.callbacks if isinstance(c, WriteConfig)]
        written = writers[0].content if writers else None  # a fast_dev_run writes no file
        self._names_main = bool(classes_of_main(written or {}))
        self._create_folder(written)
        uses_wandb = any(isinstance(logger, WandbLogger) for logger in self.trainer.loggers)
        wandb_notice = self._wandb_notice if uses_wandb else None
        interval = interval_notice(self.trainer, self.model) if stage == "fit" else None
        notices = (wandb_notice, self._strategy_notice, interval, notice_of_main(written))
        print_start(self.run_folder, ckpt_path, *notices)
        for package in ("lightning.pytorch", "lightning.fabric"):
            logging.getLogger(package).setLevel(logging.INFO)

    def _check(self, stage: str, ckpt_path: str | None) -> None:
        """Raises UsageError if run, processes, checkpoint or data do not go together.

        Lightning sets the data up again later; our data modules keep what they have read.
        """
        check_run(stage, self.trainer, self.model, self.datamodule)
        check_processes(self.trainer, self.job)
        check_copies(self.trainer, self.model, self.datamodule)
        if ckpt_path:
            check_checkpoint(Path(ckpt_path), self.model, self.trainer, stage)
            if stage == "fit":
                check_unfinished(Path(ckpt_path), self.trainer, self.run_folder)
        self.datamodule.trainer = self.trainer  # Lightning sets it before it prepares data
        self.datamodule.prepare_data()
        self.datamodule.setup(stage)
        check_batches(stage, self.trainer, self.model, self.datamodule)

    def _create_folder(self, written: Any) -> None:
        """Creates the run's folder, or continues in that of a restarted job, metrics included."""
        # the command is part of the mark: `test` must not continue in the folder of `fit`
        launch = f"{self.job.launch} {self.subcommand}" if self.job else None
        create_run_folder(self.run_folder, launch, again=self._starts_again)
        if self._starts_again and written is not None:
            check_same_run(self.run_folder, written)
        for logger in self.trainer.loggers:
            if isinstance(logger, CSVLogger) and self._is_restart:
                continue_metrics(logger)
            elif isinstance(logger, CSVLogger):
                _ = logger.experiment  # creates its writer, which warns of a folder with files
