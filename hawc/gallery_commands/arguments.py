"""The arguments of `python -m hawc`, and its help."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, final

from hawc.gallery_commands.export_rows import export_rows
from hawc.gallery_commands.forget_rows import forget_rows
from hawc.gallery_commands.list_galleries import list_galleries
from hawc.gallery_commands.make_sheet import make_sheet
from hawc.gallery_commands.show_rows import show_rows

__all__ = ["parsed"]

_DESCRIPTION = """\
Looks into galleries: the durable memory in which hawc.DatabaseHistory and hawc.FeatureSampler keep
which images a generator has made. A store is a SQLite file or a PostgreSQL database. It holds
galleries; a gallery holds the images of each condition, such as a prompt, numbered from 0."""
_EXAMPLES = """\
examples:
  python -m hawc gallery list images.db
  python -m hawc gallery show images.db --condition "a red bicycle"
  python -m hawc gallery show images.db --condition "a red bicycle" --id 3
  python -m hawc gallery forget images.db --gallery default --condition "a red bicycle" 3 7-9
  python -m hawc gallery export images.db --gallery default rows.npz
  python -m hawc gallery sheet images.db sheet.html
  python -m hawc gallery list postgresql://user@host/database"""
_PAGE: dict[str, Any] = {
    "description": _DESCRIPTION,
    "epilog": _EXAMPLES,
    "formatter_class": argparse.RawDescriptionHelpFormatter,
    "allow_abbrev": False,
}
_URL = "a SQLite file, such as images.db, or a URL, such as postgresql://user@host/database"


@final
class _Parser(argparse.ArgumentParser):
    """Raises an error where argparse would print the usage and end the process."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}; see {self.prog} --help.")


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Returns the options of a command; `run` is the function that runs it.

    Raises:
        ValueError: if the arguments are not those of a command.
        SystemExit: after printing the help that was asked for.
    """
    parser = _Parser(prog="python -m hawc", **_PAGE)
    parser.set_defaults(run=lambda _: parser.print_help())
    groups = parser.add_subparsers(title="commands", metavar="gallery", parser_class=_Parser)
    gallery = groups.add_parser(
        "gallery",
        help="list, show, forget, export or draw a contact sheet of what galleries hold",
        **_PAGE,
    )
    gallery.set_defaults(run=lambda _: gallery.print_help())
    commands = gallery.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)
    _add_list(commands)
    _add_show(commands)
    _add_forget(commands)
    _add_export(commands)
    _add_sheet(commands)
    options, rest = parser.parse_known_args(arguments)
    if hasattr(options, "ids") and not any(text.startswith("-") for text in rest):
        options.ids += rest  # argparse does not see a list that comes after options
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return options


def _add_list(commands: Any) -> None:
    _command(commands, "list", list_galleries, "print galleries and conditions with their sizes")


def _add_show(commands: Any) -> None:
    show = _command(commands, "show", show_rows, "print the rows of a gallery")
    _add_place(show, "all")
    show.add_argument("--tag", help="show only rows with this tag")
    show.add_argument("--id", type=_whole(0), help="show one row whole")


def _add_forget(commands: Any) -> None:
    forget = _command(commands, "forget", forget_rows, "make a gallery forget some of its images")
    _add_place(forget, "the only one", required=True)
    forget.add_argument("--yes", action="store_true", help="forget even all images of a condition")
    forget.add_argument("ids", metavar="ID", nargs="*", help="rows, as 3 or 7-9; all if none")


def _add_export(commands: Any) -> None:
    export = _command(commands, "export", export_rows, "write the rows of a condition to a file")
    _add_place(export, "the only one", required=True)
    export.add_argument("file", metavar="FILE.npz", type=Path, help="an existing one is replaced")


def _add_sheet(commands: Any) -> None:
    text = "draw all images of a gallery on one sheet, from the files that its rows name"
    sheet = _command(commands, "sheet", make_sheet, text)
    _add_place(sheet, "all")
    sheet.add_argument("file", metavar="FILE", type=Path, help="ends in .png or .html")
    sheet.add_argument("--columns", type=_whole(1), help="tiles side by side")
    sheet.add_argument("--side", type=_whole(16), default=128, help="of a tile in pixels (128)")
    sheet.add_argument(
        "--folder", type=Path, help="of the image files; that of the SQLite file if not given"
    )


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], None], text: str
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False
    )
    command.add_argument("url", metavar="URL", help=_URL)
    command.set_defaults(run=run)
    return command


def _add_place(command: argparse.ArgumentParser, unset: str, required: bool = False) -> None:
    default = "" if required else " (default: 'default', or the only one)"
    command.add_argument("--gallery", required=required, help=f"name of the gallery{default}")
    command.add_argument("--condition", help=f"such as a prompt (default: {unset})")


def _whole(least: int) -> Callable[[str], int]:
    """Returns a conversion to whole numbers of at least `least`."""

    def converted(text: str) -> int:
        if not (text.isascii() and text.isdigit() and int(text) >= least):
            problem = f"must be a whole number of at least {least}, got {text!r}"
            raise argparse.ArgumentTypeError(problem)
        return int(text)

    return converted
