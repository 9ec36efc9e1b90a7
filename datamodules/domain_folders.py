"""The data module of every pair of folders of pictures."""

import warnings
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from datamodules.errors import DataError
from datamodules.picture_file import KNOWN_ENDINGS, check_picture_size, is_picture, read_picture
from datamodules.two_domains import AbstractTwoDomains

__all__ = ["AbstractDomainFolders", "Broken", "Pairing"]

Pairing = Literal["none", "name", "order"]
Broken = Literal["error", "skip"]

_NAMED = 5  # files in a warning


class AbstractDomainFolders(AbstractTwoDomains, ABC):
    """Serves the pictures of two folders, at any depth, as two domains, from memory.

    Of each picture the largest centred square is resized (bicubic) to `image_size`. Files and
    folders whose names begin with a dot are skipped.

    Args:
        image_size: sides of a picture in pixels, at least 1.
        channels: 1 for grey, 3 for colour; pictures of the other kind are converted.
        pairing: "name" if files of one name, endings apart, belong together; "order" if those of
            one place in the alphabet do; "none" if domains are shuffled each on its own and may
            differ in size.
        broken: what to do about files that cannot be read: "error" stops at the first one, "skip"
            warns, names them and goes on without them, and without their partners in pairs.
        batch_size: pictures of either domain a batch and process, at least 1.
        num_validation: training pictures of either domain held out for validation; a tenth of them
            if None.

    Raises:
        ValueError: if a number or word is none of these.
    """

    example = "picture"

    def __init__(
        self,
        image_size: int,
        channels: Literal[1, 3],
        pairing: Pairing,
        broken: Broken,
        batch_size: int,
        num_validation: int | None,
    ) -> None:
        super().__init__(batch_size, num_validation)
        check_picture_size(image_size, channels)
        if pairing not in ("none", "name", "order"):
            raise ValueError(f"`pairing` must be none, name or order, got {pairing}.")
        if broken not in ("error", "skip"):
            raise ValueError(f"`broken` must be error or skip, got {broken}.")
        self._image_size = image_size
        self._channels = channels
        self._pairing = pairing
        self._broken = broken

    @abstractmethod
    def folders(self, train: bool) -> tuple[Path, Path]:
        """Returns both domains' folders of training or test pictures."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (self._channels, self._image_size, self._image_size)

    @property
    def is_paired(self) -> bool:
        return self._pairing != "none"

    def read(self, train: bool) -> tuple[Tensor, Tensor]:
        folders = self.folders(train)
        files_a, files_b = (_picture_files(folder) for folder in folders)
        if self.is_paired:
            names_a, names_b = map(_by_name, (files_a, files_b), folders)
            if self._pairing == "name":
                _check_names(names_a, names_b, folders)
            if len(files_a) != len(files_b):
                raise DataError(
                    "domains in pairs must have as many pictures each, got "
                    f"{len(files_a)} in '{folders[0]}' and {len(files_b)} in '{folders[1]}'; "
                    "complete them, or set `pairing` to none."
                )
        (images_a, whole_a), (images_b, whole_b) = map(self._read_files, (files_a, files_b))
        if self.is_paired:
            whole_a = whole_b = whole_a & whole_b
        for folder, whole in zip(folders, (whole_a, whole_b), strict=True):
            if not whole.any():
                raise DataError(f"'{folder}' holds no picture that can be read; repair some.")
        return images_a[whole_a], images_b[whole_b]

    def _read_files(self, files: list[Path]) -> tuple[Tensor, Tensor]:
        """Returns a uint8 picture for each file, and which of them could be read."""
        images = torch.zeros((len(files), *self.image_shape), dtype=torch.uint8)
        whole = torch.ones(len(files), dtype=torch.bool)
        reasons = []
        for i, file in enumerate(files):
            try:
                images[i] = read_picture(file, self.image_shape)
            except DataError as error:
                if self._broken == "error":
                    raise
                whole[i] = False
                reasons.append(str(error))
        if reasons:
            more = f" And {len(reasons) - _NAMED} more." if len(reasons) > _NAMED else ""
            warnings.warn(
                f"going on without {len(reasons)} of {len(files)} pictures: "
                f"{' '.join(reasons[:_NAMED])}{more}",
                stacklevel=2,
            )
        return images, whole


def _picture_files(folder: Path) -> list[Path]:
    """Returns the pictures of a folder at any depth in order of their names, endings apart.

    Raises:
        DataError: if there is no such folder or no picture in it.
    """
    if not folder.is_dir():
        raise DataError(f"'{folder}' must be a folder of pictures, and there is no such folder.")
    files = [
        file
        for file in folder.rglob("*")
        if is_picture(file)
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]
    if not files:
        raise DataError(f"'{folder}' holds no picture; known are {', '.join(KNOWN_ENDINGS)}.")
    # with their endings a.b.png would come before a.png and after a.JPG, which spoils pairs
    return sorted(files, key=lambda file: (file.with_suffix(""), file))


def _by_name(files: list[Path], folder: Path) -> dict[str, Path]:
    """Returns the files by their names in the folder, without endings.

    Raises:
        DataError: if two have one name.
    """
    named: dict[str, Path] = {}
    for file in files:
        name = str(file.relative_to(folder).with_suffix(""))
        if name in named:
            raise DataError(
                f"'{folder}' must hold one picture of a name where pictures are in pairs, got "
                f"{named[name].name} and {file.name}; remove one, or set `pairing` to none."
            )
        named[name] = file
    return named


def _check_names(a: dict[str, Path], b: dict[str, Path], folders: tuple[Path, Path]) -> None:
    for ours, theirs, folder in ((a, b, folders[1]), (b, a, folders[0])):
        alone = [file for name, file in ours.items() if name not in theirs]
        if alone:
            raise DataError(
                f"'{alone[0]}' has no partner of its name in '{folder}', one of {len(alone)} of "
                f"{len(ours)} pictures that lack theirs; complete the pairs, or set `pairing` to "
                "none."
            )
