"""Small files of images."""

from pathlib import Path

from PIL import Image

RED = (255, 0, 0)


def write_image(
    file: Path, color: tuple[int, int, int] = RED, size: tuple[int, int] = (10, 8)
) -> Path:
    """Writes an image of one colour; `size` is (width, height)."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(file)
    return file


def write_images(folder: Path, n: int) -> Path:
    """Writes n images; image i has the grey level i."""
    for i in range(n):
        write_image(folder / f"{i:03d}.png", (i, i, i))
    return folder
