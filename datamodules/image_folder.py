"""Any folder of images."""

from pathlib import Path
from typing import Literal, final

import torch
from torch import Tensor

from datamodules.errors import DataError
from datamodules.image_file import check_image_size
from datamodules.image_files import Broken, ImageReader, find_images, is_visible
from datamodules.in_memory import AbstractInMemoryImages, hold_out

__all__ = ["ImageFolder"]

_SPLITS = ("train", "val", "valid", "validation", "test")


@final
class ImageFolder(AbstractInMemoryImages):
    """Serves the images of a folder from memory; subfolders are classes.

    Of each image the largest centred square is resized (bicubic) to `image_size`. An image takes
    channels * image_size^2 bytes of memory. A file is an image if its ending, or its content if it
    has none, is of a format that Pillow reads; hidden files are skipped.

    Args:
        path: folder with images, all labelled 0, or with subfolders of images, labelled in
            alphabetical order; not with both.
        image_size: sides of an image in pixels, at least 1.
        channels: 1 for grey, 3 for colour; other images are converted.
        batch_size: images per batch and process, at least 1.
        test_path: folder of the test images, with the layout of `path`; if None, some images of
            `path` are held out.
        num_test: images held out for testing if there is no `test_path`; a tenth of all if None.
        num_validation: training images held out for validation; a tenth of them if None.
        binarize: whether values of at least 0.5 become 1 and all others 0.
        broken: "error" stops at unreadable files and names them; "skip" warns and leaves them out.
        background: colour behind transparent pixels: a name, or a code such as "#808080".

    Raises:
        ValueError: if a number or word is out of its range, or `test_path` and `num_test` are both
            given.
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
        broken: Broken = "error",
        background: str = "white",
    ) -> None:
        super().__init__(batch_size, num_validation=num_validation, binarize=binarize)
        check_image_size(image_size, channels)
        if num_test is not None and num_test < 0:
            raise ValueError(f"`num_test` must be at least 0, got {num_test}.")
        if num_test is not None and test_path is not None:
            raise ValueError(f"`num_test` must be left out beside `test_path`, got {num_test}.")
        self._path = Path(path).expanduser()
        self._test_path = None if test_path is None else Path(test_path).expanduser()
        self._num_test = num_test
        self._reader = ImageReader((channels, image_size, image_size), broken, background)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self._reader.shape

    def prepare_data(self) -> None:
        """Does nothing; `read` raises DataError if files are missing."""

    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        folder = self._path if train or self._test_path is None else self._test_path
        files, names = _labelled_images(folder)
        classes = sorted(set(names if folder is self._path else _labelled_images(self._path)[1]))
        _check_classes(folder, names, classes)
        split = self._split(len(files), train)
        # training reads the test images too, so that all broken files are named at once
        read = torch.arange(len(files)) if train else split
        images, whole = self._reader.read([files[i] for i in read], folder)
        taken = whole & torch.isin(read, split)
        labels = torch.tensor([classes.index(names[i]) for i in read], dtype=torch.int64)
        for label in labels.unique() if train else ():
            if not (labels == label)[whole].any():
                raise DataError(f"'{folder / classes[label]}' holds no image that can be read.")
        return images[taken], labels[taken]

    def _split(self, n: int, train: bool) -> Tensor:
        """Returns which of n images are for training or testing."""
        if self._test_path is not None:
            return torch.arange(n)
        kept, held_out = hold_out(n, self._num_test, "num_test")
        return kept if train else held_out.sort().values


def _labelled_images(folder: Path) -> tuple[list[Path], list[str]]:
    """Returns the image files in order and the class of each, "" without subfolders.

    Raises:
        DataError: if there are no images, some are in subfolders and some not, a subfolder has
            none, or the subfolders are splits.
    """
    _check_no_splits(folder)
    files = find_images(folder)
    names = [file.relative_to(folder).parts[0] if file.parent != folder else "" for file in files]
    if "" not in names:
        visible = (f.name for f in folder.iterdir() if f.is_dir() and is_visible(f.name))
        for name in sorted(set(visible) - set(names)):
            raise DataError(f"'{folder / name}' holds no image; remove it or fill it.")
    elif any(names):
        one, other = files[names.index("")].name, next(name for name in names if name)
        raise DataError(
            f"'{folder}' must hold images or subfolders of images, got both: {one} beside {other}; "
            "move the ones or the others."
        )
    order = sorted(range(len(files)), key=lambda i: (names[i], files[i]))
    return [files[i] for i in order], [names[i] for i in order]


def _check_no_splits(folder: Path) -> None:
    """Raises DataError if subfolders are splits; they would become classes."""
    splits = [name for name in _SPLITS if (folder / name).is_dir()]
    if len(splits) > 1:
        other = "test" if "test" in splits else splits[1]
        raise DataError(
            f"'{folder}' has subfolders {splits[0]} and {other}, which are no classes; name the "
            "first with `path` and the other with `test_path`."
        )


def _check_classes(folder: Path, names: list[str], classes: list[str]) -> None:
    for name in names:
        if name not in classes:
            raise DataError(
                f"`test_path` must have the subfolders of `path`, '{folder}' has "
                f"{repr(name) if name else 'none'}, which is not among those of `path`."
            )
