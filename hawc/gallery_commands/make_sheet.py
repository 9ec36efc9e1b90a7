"""`gallery sheet`: all images of a gallery on one contact sheet."""

import argparse

from hawc.gallery_commands.place import named_condition, named_gallery
from hawc.history.storage.store_url import FilePlace, store_place
from hawc.sheets import contact_sheet

__all__ = ["make_sheet"]

_ADVICE = (
    'note: no row names an image file under "file" in its metadata, so all tiles are gray; '
    "hawc.history.contact_sheet(..., decode=...) makes the images again"
)


def make_sheet(options: argparse.Namespace) -> None:
    """Draws the sheet from the image files that the rows' metadata name."""
    gallery = named_gallery(options.url, options.gallery)
    given = options.condition
    condition = None if given is None else named_condition(gallery, given)
    rows = list(gallery.rows(condition=condition))
    place = store_place(options.url)
    folder = options.folder or (place.path.parent if isinstance(place, FilePlace) else None)
    contact_sheet(rows, options.file, columns=options.columns, side=options.side, folder=folder)
    print(f"wrote {len(rows):,} images to {options.file}")
    if not any("file" in row.metadata for row in rows):
        print(_ADVICE)
