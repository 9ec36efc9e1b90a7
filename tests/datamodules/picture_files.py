"""Small files of pictures."""

from pathlib import Path

from PIL import Image

RED = (255, 0, 0)


def write_picture(
    file: Path, colour: tuple[int, int, int] = RED, size: tuple[int, int] = (10, 8)
) -> Path:
    """Writes a picture of one colour; `size` is (width, height)."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(file)
    return file


def write_pictures(folder: Path, n: int) -> Path:
    """Writes n pictures, each of its own shade of grey."""
    for i in range(n):
        write_picture(folder / f"{i:03d}.png", (i, i, i))
    return folder
