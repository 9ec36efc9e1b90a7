"""The parts of the command line that hold on to Lightning's own behaviour."""

from lightning.pytorch.cli import LightningCLI
from lightning.pytorch.loggers import WandbLogger

from commands.experiment import COMMANDS, ExperimentCLI


def test_commands_are_lightnings_and_two_more() -> None:
    assert set(COMMANDS) - LightningCLI.subcommands().keys() == {"sample", "export"}
    assert list(ExperimentCLI.subcommands()) == list(COMMANDS)


def test_the_hook_that_keeps_checkpoints_from_beating_the_command_line_exists() -> None:
    """Its effect: test_train.py::test_the_command_line_beats_a_checkpoints_hyperparameters."""
    assert callable(LightningCLI._parse_ckpt_path)


def test_the_parser_of_a_command_can_be_had() -> None:
    """What depends on it: test_job_restarts.py::test_another_run_of_a_job_does_not_go_on_..."""
    assert callable(LightningCLI._parser)


def test_lightning_still_hands_wandb_a_setting_that_it_warns_of() -> None:
    """Where it does not any more, `_default_wandb` need not take it away."""
    assert "anonymous" in WandbLogger(offline=True)._wandb_init
