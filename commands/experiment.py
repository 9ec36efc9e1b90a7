"""LightningCLI as this project uses it: checks first, a folder a run, a summary at the end."""

import logging
import os
import sys
from pathlib import Path
from typing import Any, NoReturn, final

import wandb
from lightning import LightningDataModule, LightningModule, Trainer
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger
from lightning.pytorch.plugins import CheckpointIO
from lightning.pytorch.plugins.environments import ClusterEnvironment
from lightning.pytorch.utilities import rank_zero_only

from callbacks.preemption import Preempted
from commands.atomic_checkpoint_io import AtomicCheckpointIO
from commands.checkpoints import check_checkpoint, check_resumable, check_unfinished
from commands.cluster_job import num_processes, slurm_environment, this_job
from commands.config_files import config_paths
from commands.ddp_strategy import ddp_strategy, strategy_notice
from commands.default_callbacks import default_callbacks
from commands.errors import UsageError, fail, innermost_message
from commands.messages import plain_message
from commands.no_profiler import NoProfiler
from commands.processes import check_processes
from commands.restart import continue_metrics, wandb_run_id
from commands.run_checks import check_batches, check_run
from commands.run_folder import (
    LAST_CHECKPOINT,
    WriteConfig,
    check_same_run,
    choose_run_folder,
    create_run_folder,
    latest_checkpoint,
    resolved_config,
)
from commands.sampling_trainer import SamplingTrainer, leave_out_training, take_one_processor
from commands.summary import print_start, print_summary
from commands.wandb_mode import settle_wandb_mode
from lightning_modules import TrainingError

__all__ = ["COMMANDS", "ExperimentCLI"]

COMMANDS = ("fit", "validate", "test", "sample", "export")

_AFTER_TRAINING = ("sample", "export")  # commands of the trainer that log and save nothing


@final
class _Parser(LightningArgumentParser):
    """Ends with one line where the default prints some seventy lines of usage first."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        # not an exception: the parser of a union type would take it for "no such class"
        del ex
        fail(plain_message(message, self))


@final
class ExperimentCLI(LightningCLI):
    """Runs one experiment from configuration files and options.

    Raises:
        UsageError: if an option, a file or a combination of them is wrong; before anything is
            written.
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
            parser_class=_Parser,
            # interpolation is resolved once all files and options are merged; allow_abbrev must be
            # off here, on the main parser, or --trainer.max_step would silently set max_steps
            parser_kwargs={"parser_mode": "omegaconf+", "allow_abbrev": False},
        )

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        own = {name: {"model", "datamodule"} for name in _AFTER_TRAINING}
        skipped = {**LightningCLI.subcommands(), **own}
        return {name: skipped[name] for name in COMMANDS}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument(
            "--name", type=str | None, default=None, help="of the experiment; default: its file's"
        )
        parser.add_argument(
            "--run_folder",
            type=str | None,
            default=None,
            help="default: runs/<name>/<time>; sample and export have --output",
        )
        parser.link_arguments(
            "data.image_shape", "model.init_args.image_shape", apply_on="instantiate"
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        super().parse_arguments(parser, args)
        seed = self.config[self.config.subcommand].seed_everything
        if not 0 <= seed < 2**32:  # what NumPy takes
            raise UsageError(f"`seed_everything` must be 0 to {2**32 - 1}, got {seed}.")

    def _parse_ckpt_path(self) -> None:
        """Does nothing: hyperparameters in a checkpoint must not beat the command line.

        LightningCLI lets them, silently, and offers no option against it; the name is private, and
        tests/test_train.py fails if it stops having this effect.
        """

    def before_instantiate_classes(self) -> None:
        options = self.config[self.subcommand]
        if options.get("ckpt_path") == "":
            raise UsageError("`ckpt_path` must be a checkpoint file or last, got ''; name one.")
        if options.trainer.default_root_dir is not None:
            raise UsageError(
                "`trainer.default_root_dir` must be left out, got "
                f"'{options.trainer.default_root_dir}'; name the run's folder with --run_folder."
            )
        options.name = options.name or _experiment_name(options)
        self.job = this_job()
        own_name = self.job.name if self.job else None
        self.run_folder = choose_run_folder(options.run_folder, options.name, own_name)
        self._starts_again = bool(self.job and self.job.restarts)
        self._is_restart = self._starts_again and self.subcommand == "fit"  # and goes on
        last = self.run_folder / LAST_CHECKPOINT
        if self._is_restart and last.exists():
            options.ckpt_path = str(last)
        elif options.get("ckpt_path") == "last":
            options.ckpt_path = str(latest_checkpoint(options.name))
        if self.subcommand in _AFTER_TRAINING:
            leave_out_training(options.trainer)
            if self.subcommand == "export":
                take_one_processor(options.trainer)
            self.save_config_callback = None
        self._wandb_notice = settle_wandb_mode()
        for logger in _as_list(options.trainer.logger):
            if logger.class_path.endswith("WandbLogger") and logger.init_args.save_dir == ".":
                logger.init_args.save_dir = str(self.run_folder.absolute())
                logger.init_args.id = logger.init_args.id or self._continued_wandb_id()

    def instantiate_classes(self) -> None:
        try:
            super().instantiate_classes()
        except TypeError as error:  # Lightning's, of a number of processors
            if "`devices`" not in str(error):
                raise
            raise UsageError(
                "`trainer.devices` must be auto or a number of processes above 0, on GPUs also -1 "
                f"or a list of them, got {self.config[self.subcommand].trainer.devices}."
            ) from error
        except (ValueError, MisconfigurationException, ModuleNotFoundError) as error:
            raise UsageError(innermost_message(error)) from error

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        configured = self.config_init[self.subcommand]["trainer"]
        self.trainer_defaults["callbacks"] = default_callbacks(
            _as_list(configured["callbacks"]), configured, self.run_folder, self.job is not None
        )
        processes = num_processes(configured, self.job)
        strategy = ddp_strategy(self.model, {**configured, **processes})
        self._strategy_notice = strategy_notice(self.model, configured["strategy"], strategy)
        return super().instantiate_trainer(
            default_root_dir=str(self.run_folder),
            logger=self._loggers(configured["logger"]) or False,
            plugins=self._plugins(configured["plugins"]),
            profiler=configured["profiler"] or (None if configured["barebones"] else NoProfiler()),
            strategy=strategy,
            **processes,
            **kwargs,
        )

    def _plugins(self, configured: Any) -> list[Any]:
        """Returns the configured plugins and, unless they are among them, ours."""
        plugins = _as_list(configured)
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
        """Trains; says what is left also of a run that was interrupted or failed."""
        lost, saved = False, None
        try:
            self.trainer.fit(**arguments)
        except TrainingError:
            lost = True
            raise
        except Preempted as stop:
            saved = stop.checkpoint
            raise
        finally:
            print_summary(self.run_folder, self.trainer, lost, saved)

    def after_validate(self) -> None:
        print_summary(self.run_folder, self.trainer)

    def after_test(self) -> None:
        print_summary(self.run_folder, self.trainer)

    @rank_zero_only
    def _check_and_announce(self, stage: str) -> None:
        """Finds what would go wrong while nothing is written yet; the data are read only once."""
        check_run(stage, self.trainer, self.model, self.datamodule)
        check_processes(self.trainer, self.job)
        if ckpt_path := self.config_init[self.subcommand].get("ckpt_path"):
            check = check_resumable if stage == "fit" else check_checkpoint
            check(Path(ckpt_path), self.model)
            if stage == "fit":
                check_unfinished(Path(ckpt_path), self.trainer, self.run_folder)
        self.datamodule.trainer = self.trainer  # as Lightning does before it asks for data
        self.datamodule.prepare_data()
        self.datamodule.setup(stage)
        check_batches(stage, self.trainer, self.model, self.datamodule)
        # no command takes over what another one of the same job has made
        launch = f"{self.job.launch} {self.subcommand}" if self.job else None
        create_run_folder(self.run_folder, launch, again=self._starts_again)
        if self._starts_again:
            # the name is private; tests/commands/test_experiment.py fails if it goes
            options = self.config[self.subcommand]
            check_same_run(self.run_folder, resolved_config(self._parser(self.subcommand), options))
        for logger in self.trainer.loggers:
            if isinstance(logger, CSVLogger) and self._is_restart:
                continue_metrics(logger)
            elif isinstance(logger, CSVLogger):
                _ = logger.experiment  # looked at while the folder is empty, or it complains
        uses_wandb = any(isinstance(logger, WandbLogger) for logger in self.trainer.loggers)
        wandb_notice = self._wandb_notice if uses_wandb else None
        print_start(self.run_folder, ckpt_path, wandb_notice, self._strategy_notice)
        for package in ("lightning.pytorch", "lightning.fabric"):
            logging.getLogger(package).setLevel(logging.INFO)

    def _loggers(self, configured: Any) -> list[Logger]:
        """Returns the configured loggers or W&B, and metrics.csv before them unless logging is off.

        It comes first since Lightning puts checkpoints beside the first logger's files.
        """
        if configured is False or self.config_init[self.subcommand].trainer.barebones:
            return []
        loggers = [self._default_wandb()] if configured in (None, True) else _as_list(configured)
        if not any(isinstance(logger, CSVLogger) for logger in loggers):
            loggers = [CSVLogger(self.run_folder, name="", version=""), *loggers]
        return loggers

    def _default_wandb(self) -> WandbLogger:
        name = self.config[self.subcommand].name
        # W&B's service keeps the working directory that it was started in
        logger = WandbLogger(
            save_dir=self.run_folder.absolute(),
            project=os.environ.get("WANDB_PROJECT", "hawc"),
            name=f"{name}/{self.run_folder.name}",
            id=self._continued_wandb_id(),
            # offline, its lines would only repeat our summary
            settings=wandb.Settings(silent=self._wandb_notice is not None),
        )
        logger._wandb_init.pop("anonymous", None)  # private; W&B always warns of it
        return logger

    def _continued_wandb_id(self) -> str | None:
        return wandb_run_id(self.run_folder) if self._is_restart else None


def _experiment_name(options: Any) -> str:
    paths = list(config_paths(sys.argv))
    if paths:
        return paths[0].stem
    model, data = (options[key].class_path.rpartition(".")[2] for key in ("model", "data"))
    return f"{model}-{data}"


def _as_list(value: Any) -> list[Any]:
    """Returns what one option that takes a list, one item, null or a boolean configures."""
    if value is None or isinstance(value, bool):
        return []
    return list(value) if isinstance(value, list) else [value]
