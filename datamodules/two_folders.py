"""Any two folders of images as two domains."""

from pathlib import Path
from typing import Literal, final

from datamodules.domain_folders import AbstractDomainFolders, Pairing
from datamodules.errors import DataError
from datamodules.image_files import Broken

__all__ = ["TwoFolders"]


@final
class TwoFolders(AbstractDomainFolders):
    """Serves the images of two folders, at any depth, as two domains.

    Of each image the largest centred square is resized (bicubic) to `image_size`. An epoch has the
    length of the smaller domain, with a new selection of the larger one each time.

    Args:
        path_a: folder of the first domain.
        path_b: folder of the second domain.
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
        test_path_a: folder of the first domain's test images.
        test_path_b: folder of the second domain's test images.
        background: colour behind transparent pixels: a name, or a code such as "#808080".

    Raises:
        ValueError: if a number or word is out of its range, or only one test folder is given.
    """

    def __init__(
        self,
        path_a: str,
        path_b: str,
        image_size: int,
        channels: Literal[1, 3] = 3,
        pairing: Pairing = "none",
        broken: Broken = "error",
        batch_size: int = 64,
        num_validation: int | None = None,
        test_path_a: str | None = None,
        test_path_b: str | None = None,
        background: str = "white",
    ) -> None:
        super().__init__(
            image_size, channels, pairing, broken, batch_size, num_validation, background
        )
        if (test_path_a is None) != (test_path_b is None):
            raise ValueError(
                "`test_path_a` and `test_path_b` must be given together, got "
                f"{test_path_a} and {test_path_b}."
            )
        self._train = Path(path_a).expanduser(), Path(path_b).expanduser()
        self._test: tuple[Path, Path] | None = None
        if test_path_a is not None and test_path_b is not None:
            self._test = Path(test_path_a).expanduser(), Path(test_path_b).expanduser()

    def folders(self, train: bool) -> tuple[Path, Path]:
        if train:
            return self._train
        if self._test is None:
            raise DataError("`test_path_a` and `test_path_b` must name folders to test with.")
        return self._test
