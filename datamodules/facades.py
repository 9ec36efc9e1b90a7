"""CMP Facades at 64 x 64: 400 photographs of facades and their label maps, and 100 more to test.

Source: Tylecek and Sara 2013, "Spatial pattern templates for recognition of objects with regular
structure", German Conference on Pattern Recognition.
"""

from pathlib import Path
from typing import final

from datamodules.domain_folders import AbstractDomainFolders, Pairing
from datamodules.errors import DataError
from datamodules.image_files import Broken
from datamodules.in_memory import data_folder

__all__ = ["Facades"]


@final
class Facades(AbstractDomainFolders):
    """Reads <data_dir>/facades/{trainA,trainB,testA,testB}: photographs A, label maps B.

    Files of one name show one facade. By default images are unpaired, as DiscoGAN needs them.

    Args:
        data_dir: folder of the data; the environment variable HAWC_DATA, else "data", if None.
        image_size: sides of an image in pixels, at least 1.
        pairing: "name" or, to the same effect, "order" pairs each photograph with its label map;
            "none" shuffles the domains independently.
        broken: "error" stops at unreadable files and names them; "skip" warns and leaves them out,
            in pairs with their partners.
        batch_size: images of either domain per batch and process, at least 1.
        num_validation: training images of either domain held out for validation; a tenth of them
            if None.

    Raises:
        ValueError: if a number or word is out of its range.
    """

    def __init__(
        self,
        data_dir: str | None = None,
        image_size: int = 64,
        pairing: Pairing = "none",
        broken: Broken = "error",
        batch_size: int = 64,
        num_validation: int | None = None,
    ) -> None:
        super().__init__(image_size, 3, pairing, broken, batch_size, num_validation, "white")
        self._folder = data_folder(data_dir) / "facades"

    def prepare_data(self) -> None:
        """Raises DataError if the folder is missing; nothing is downloaded."""
        if not self._folder.is_dir():
            raise DataError(
                f"'{self._folder}' does not exist; put trainA, trainB, testA and testB of CMP "
                "Facades there, or name the folder that holds it with --data.data_dir or HAWC_DATA."
            )

    def folders(self, train: bool) -> tuple[Path, Path]:
        part = "train" if train else "test"
        return self._folder / f"{part}A", self._folder / f"{part}B"
