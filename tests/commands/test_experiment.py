"""The parts of the command line that hold on to Lightning's own behaviour."""

from lightning.pytorch.cli import LightningCLI

from commands.experiment import COMMANDS, ExperimentCLI


def test_commands_are_lightnings_and_two_more() -> None:
    assert set(COMMANDS) - LightningCLI.subcommands().keys() == {"sample", "export"}
    assert list(ExperimentCLI.subcommands()) == list(COMMANDS)


def test_the_hook_that_keeps_checkpoints_from_beating_the_command_line_exists() -> None:
    """Its effect: test_train.py::test_the_command_line_beats_a_checkpoints_hyperparameters."""
    assert callable(LightningCLI._parse_ckpt_path)
