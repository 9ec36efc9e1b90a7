"""Downloads of torchvision data sets, complete or not at all."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from datamodules.errors import DataError

__all__ = ["download_whole"]


def download_whole(name: str, folder: Path, fetch: Callable[[str], object]) -> None:
    """Downloads into a temporary folder, then moves the files into `folder`.

    An interrupted download leaves no partial file, a failed one no folder.

    Args:
        name: of the data set, for the message.
        folder: destination of the files.
        fetch: downloads the data set into a given folder.

    Raises:
        DataError: if the files cannot be fetched or written.
    """
    nearest = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
    try:
        with tempfile.TemporaryDirectory(dir=nearest, prefix=".download-") as partial:
            fetch(partial)
            folder.mkdir(parents=True, exist_ok=True)
            for path in Path(partial).iterdir():
                if not (folder / path.name).exists():  # another process may have been faster
                    shutil.move(path, folder / path.name)
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"`data.data_dir` must be a folder that holds {name}, or {name} must be downloadable; "
            f"got '{folder}' without it, and the download failed ({_first_line(error)}). Name the "
            "folder with --data.data_dir or HAWC_DATA, or use MNIST5k, which needs no download."
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
