"""The parser of the command line, and options that are checked or completed before it builds."""

import sys
import traceback
from typing import Any, NoReturn, final

from jsonargparse import Namespace
from lightning.pytorch.cli import LightningArgumentParser

from commands.errors import UsageError, exit_with_error
from commands.messages import hint, plain_message
from commands.run.config_files import config_paths
from commands.run.error_origin import is_bug, origin
from configuration.environment import note_environment, text_as_written
from configuration.makers import check_maker

__all__ = ["OneLineParser", "check_paths", "experiment_name"]


@final
class OneLineParser(LightningArgumentParser):
    """Ends with one line; the default prints some seventy lines of usage first."""

    def add_function_arguments(self, function: Any, *rest: Any, **options: Any) -> Any:
        check_maker(function)  # before it can be called
        return super().add_function_arguments(function, *rest, **options)

    def dump(self, namespace: Namespace, *rest: Any, **options: Any) -> str:
        text = super().dump(namespace, *rest, **options)
        command = namespace.get("subcommand")
        if command and options.get("skip_validation"):  # the parser resolves this text next
            note_environment(text, command)
        elif command or "seed_everything" in namespace:  # else it holds the arguments of one class
            text = text_as_written(text, command)
        return text

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        # ends instead of raising: the parser of a union takes an exception for "not this type"
        if ex is not None and is_bug(found := origin(ex)):
            traceback.print_exception(found)
            sys.exit(1)
        line = plain_message(message, self)
        exit_with_error(f"{line}{hint(line)}")


def check_paths(options: Any) -> None:
    """Raises UsageError for a checkpoint without a name, or wrong options of the trainer."""
    if options.get("ckpt_path") == "":
        raise UsageError("`ckpt_path` must be a checkpoint file or 'last', got ''; name one.")
    if not isinstance(options.trainer, Namespace):  # the parser takes any value for a group
        raise UsageError(f"`trainer` must hold options as `key: value`, got {options.trainer}.")
    if options.trainer.default_root_dir is not None:
        raise UsageError(
            "`trainer.default_root_dir` must be left out, got "
            f"'{options.trainer.default_root_dir}'; name the run's folder with --run_folder."
        )


def experiment_name(options: Any) -> str:
    """Returns the stem of the first configuration file, else <model>-<data>."""
    paths = list(config_paths(sys.argv))
    if paths:
        return paths[0].stem
    model, data = (options[key].class_path.rpartition(".")[2] for key in ("model", "data"))
    return f"{model}-{data}"
