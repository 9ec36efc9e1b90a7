"""`gallery export`: the rows of a condition in one file."""

import argparse

from hawc.gallery_commands.place import named_condition, named_gallery, quoted
from hawc.history import export_history

__all__ = ["export_rows"]


def export_rows(options: argparse.Namespace) -> None:
    """Writes the rows to a file for `hawc.history.import_history`, or for NumPy."""
    gallery = named_gallery(options.url, options.gallery)
    condition = named_condition(gallery, options.condition)
    history = gallery.history(condition)
    export_history(history, options.file)
    print(f"wrote {history.count():,} images of condition {quoted(condition)} to {options.file}")
