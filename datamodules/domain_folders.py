"""Base of the data modules of two folders of images."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Literal

from torch import Tensor

from datamodules.errors import DataError
from datamodules.image_file import check_image_size
from datamodules.image_files import Broken, ImageReader, find_images, without_ending
from datamodules.two_domains import AbstractTwoDomains

__all__ = ["AbstractDomainFolders", "Pairing"]

Pairing = Literal["none", "name", "order"]


class AbstractDomainFolders(AbstractTwoDomains, ABC):
    """Serves the images of two folders, at any depth, as two domains, from memory.

    Of each image the largest centred square is resized (bicubic) to `image_size`. A file is an
    image if its ending, or its content if it has none, is of a format that Pillow reads.

    Args:
        image_size: sides of an image in pixels, at least 1.
        channels: 1 for grey, 3 for colour; other images are converted.
        pairing: "name" pairs files of one name, without endings; "order" pairs the files
            in alphabetical order; "none" shuffles the domains independently, and they may differ in
            size.
        broken: "error" stops at unreadable files and names them; "skip" warns and leaves them out,
            in pairs with their partners.
        batch_size: images of either domain per batch and process, at least 1.
        num_validation: training images of either domain held out for validation; a tenth of them
            if None.
        background: colour behind transparent pixels: a name, or a code such as "#808080".

    Raises:
        ValueError: if a number or word is out of its range.
    """

    example = "image"

    def __init__(
        self,
        image_size: int,
        channels: Literal[1, 3],
        pairing: Pairing,
        broken: Broken,
        batch_size: int,
        num_validation: int | None,
        background: str,
    ) -> None:
        super().__init__(batch_size, num_validation)
        check_image_size(image_size, channels)
        if pairing not in ("none", "name", "order"):
            raise ValueError(f"`pairing` must be none, name or order, got {pairing}.")
        self._pairing = pairing
        self._reader = ImageReader((channels, image_size, image_size), broken, background)

    @abstractmethod
    def folders(self, train: bool) -> tuple[Path, Path]:
        """Returns both domains' folders of training or test images."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self._reader.shape

    @property
    def is_paired(self) -> bool:
        return self._pairing != "none"

    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        folders = self.folders(train)
        files_a, files_b = (_in_pair_order(find_images(folder)) for folder in folders)
        if self.is_paired:
            names_a, names_b = map(_by_name, (files_a, files_b), folders)
            if self._pairing == "name":
                _check_names(names_a, names_b, folders)
            if len(files_a) != len(files_b):
                raise DataError(
                    "domains in pairs must have as many images each, got "
                    f"{len(files_a)} in '{folders[0]}' and {len(files_b)} in '{folders[1]}'; "
                    "complete them, or set `pairing` to none."
                )
        (images_a, whole_a), (images_b, whole_b) = self._read_both((files_a, files_b), folders)
        if self.is_paired:
            whole_a = whole_b = whole_a & whole_b
            if not whole_a.any():
                raise DataError(f"'{folders[0]}' and '{folders[1]}' hold no pair that can be read.")
        return images_a[whole_a], images_b[whole_b]

    def _read_both(
        self, files: tuple[list[Path], list[Path]], folders: tuple[Path, Path]
    ) -> list[tuple[Tensor, Tensor]]:
        """Returns the images of each domain and which of them could be read.

        Raises:
            DataError: names the broken files of both domains.
        """
        domains, refusals = [], []
        for files_of_one, folder in zip(files, folders, strict=True):
            try:
                domains.append(self._reader.read(files_of_one, folder))
            except DataError as error:
                refusals.append(str(error))
        if refusals:
            raise DataError(" ".join(refusals))
        return domains


def _in_pair_order(files: list[Path]) -> list[Path]:
    # endings would sort a.b.png before a.png but after a.JPG, and so break pairs
    return sorted(files, key=lambda file: (without_ending(file), file))


def _by_name(files: list[Path], folder: Path) -> dict[str, Path]:
    """Returns the files by their names in the folder, without endings.

    Raises:
        DataError: if two have one name.
    """
    named: dict[str, Path] = {}
    for file in files:
        name = str(without_ending(file).relative_to(folder))
        if name in named:
            raise DataError(
                f"'{folder}' must hold one image of a name where images are in pairs, got "
                f"{named[name].name} and {file.name}; remove one, or set `pairing` to none."
            )
        named[name] = file
    return named


def _check_names(a: dict[str, Path], b: dict[str, Path], folders: tuple[Path, Path]) -> None:
    for ours, theirs, folder in ((a, b, folders[1]), (b, a, folders[0])):
        alone = [file for name, file in ours.items() if name not in theirs]
        if alone:
            raise DataError(
                f"'{alone[0]}' has no partner of its name in '{folder}' ({len(alone)} of "
                f"{len(ours)} images have none); complete the pairs, or set `pairing` to none."
            )
