"""Any folder of pictures."""

from pathlib import Path
from typing import Literal, final

import torch
from torch import Tensor

from datamodules.errors import DataError
from datamodules.in_memory import AbstractInMemoryImages, hold_out
from datamodules.picture_file import KNOWN_ENDINGS, check_picture_size, is_picture, read_picture

__all__ = ["ImageFolder"]


@final
class ImageFolder(AbstractInMemoryImages):
    """Serves the pictures of a folder, or of its subfolders, one class each, from memory.

    Of each picture the largest centred square is resized (bicubic) to `image_size`. All pictures
    together take channels * image_size^2 bytes each. Files are pictures if their names end like
    one; files and folders whose names begin with a dot are skipped.

    Args:
        path: folder with pictures, all labelled 0, or with subfolders of pictures, labelled in
            alphabetical order; not with both.
        image_size: sides of a picture in pixels, at least 1.
        channels: 1 for grey, 3 for colour; pictures of the other kind are converted.
        batch_size: pictures a batch and process, at least 1.
        test_path: folder of the test pictures, laid out like `path`; if None, some of `path`
            are held out.
        num_test: pictures held out for testing if there is no `test_path`; a tenth of all if None.
        num_validation: training pictures held out for validation; a tenth of them if None.
        binarize: whether values of at least 0.5 become 1 and all others 0.

    Raises:
        ValueError: if a number is out of its range, or `test_path` and `num_test` are both given.
    """

    def __init__(
        self,
        path: str,
        image_size: int,
        channels: Literal[1, 3] = 3,
        batch_size: int = 128,
        test_path: str | None = None,
        num_test: int | None = None,
        num_validation: int | None = None,
        binarize: bool = False,
    ) -> None:
        super().__init__(batch_size, num_validation=num_validation, binarize=binarize)
        check_picture_size(image_size, channels)
        if num_test is not None and num_test < 0:
            raise ValueError(f"`num_test` must be at least 0, got {num_test}.")
        if num_test is not None and test_path is not None:
            raise ValueError(f"`num_test` must be left out beside `test_path`, got {num_test}.")
        self._path = Path(path).expanduser()
        self._test_path = None if test_path is None else Path(test_path).expanduser()
        self._num_test = num_test
        self._image_size = image_size
        self._channels = channels

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (self._channels, self._image_size, self._image_size)

    def prepare_data(self) -> None:
        """Does nothing: `read` says what is missing."""

    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        pictures = _labelled_pictures(self._path)
        classes = sorted({name for _, name in pictures})
        if self._test_path is None:
            kept, held_out = hold_out(len(pictures), self._num_test, "num_test")
            pictures = [pictures[i] for i in (kept if train else held_out.sort().values)]
        elif not train:
            pictures = _labelled_pictures(self._test_path)
            _check_classes(self._test_path, pictures, classes)
        images = torch.empty((len(pictures), *self.image_shape), dtype=torch.uint8)
        for image, (file, _) in zip(images, pictures, strict=True):
            image.copy_(read_picture(file, self.image_shape))
        labels = [classes.index(name) for _, name in pictures]
        return images, torch.tensor(labels, dtype=torch.int64)


def _labelled_pictures(folder: Path) -> list[tuple[Path, str]]:
    """Returns each picture file and the name of its class, "" where there are no subfolders.

    Raises:
        DataError: if there are none, some in subfolders and some not, or splits where classes are
            expected.
    """
    if not folder.is_dir():
        raise DataError(f"'{folder}' must be a folder of pictures, and there is no such folder.")
    flat = [(file, "") for file in folder.iterdir() if is_picture(file)]
    subfolders = [f for f in folder.iterdir() if f.is_dir() and not f.name.startswith(".")]
    if {"train", "test"} <= {subfolder.name for subfolder in subfolders}:
        raise DataError(
            f"'{folder}' has subfolders train and test, which are no classes; name the first with "
            "`path` and the other with `test_path`."
        )
    by_class = {f.name: [file for file in f.rglob("*") if is_picture(file)] for f in subfolders}
    in_classes = [(file, name) for name, files in by_class.items() for file in files]
    if flat and in_classes:
        raise DataError(
            f"'{folder}' must hold pictures or subfolders of pictures, got both: {flat[0][0].name} "
            f"beside {in_classes[0][1]}; move the ones or the others."
        )
    empty = [name for name, files in by_class.items() if not files]
    if in_classes and empty:
        raise DataError(f"'{folder / empty[0]}' holds no picture; remove it or fill it.")
    if not flat and not in_classes:
        raise DataError(f"'{folder}' holds no picture; known are {', '.join(KNOWN_ENDINGS)}.")
    return sorted(flat or in_classes, key=lambda labelled: (labelled[1], labelled[0]))


def _check_classes(folder: Path, pictures: list[tuple[Path, str]], classes: list[str]) -> None:
    for _, name in pictures:
        if name not in classes:
            raise DataError(
                f"`test_path` must have the subfolders of `path`, '{folder}' has "
                f"{repr(name) if name else 'none'}, which is not among those of `path`."
            )
