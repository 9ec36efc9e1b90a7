"""The table of mistakes goes on with tables, folders of images and pairs of domains."""

from pathlib import Path

import pytest

from tests.datamodules.image_files import write_images
from tests.datamodules.table_files import write_boston
from tests.mistakes import BASE, Mistake, check_refusal, each_mistake

CSV = (*BASE, "--data", "CSVTable", "--data.path")
FOLDER = (*BASE, "--data", "ImageFolder", "--data.image_size", "8", "--data.path")
DISCO = ("--config", str(Path(__file__).parent.parent / "configs" / "disco_gan_toy.yaml"))
DOMAINS = (*DISCO, "--data", "TwoFolders", "--data.image_size", "8", "--data.path_a", "two")
FILES = {
    "text.csv": "height,colour\n1.7,3\n1.8,red\n",
    "missing.csv": "height,weight\n1.7,60\n,70\n",
    "short.csv": "height,weight\n1.7,60\n1.8\n",
    "empty.csv": "",
    "semicolons.csv": "height;weight\n1.7;60\n1.8;70\n",
    "unnamed.csv": "1.7,60\n1.8,70\n",
    "constant.csv": "height,weight\n" + "".join(f"1.7,{i}\n" for i in range(60, 80)),
    "small.csv": "height,weight\n" + "".join(f"{i / 10},{i}\n" for i in range(60, 80)),
}

TABLE: list[Mistake] = [
    ("no path", (*BASE, "--data", "CSVTable"), r"`path` of CSVTable must be given"),
    ("no file", (*CSV, "none.csv"), r"'none\.csv' must be a CSV file .* got: No such file"),
    (
        "text cell",
        (*CSV, "text.csv"),
        r"'text\.csv', line 3, column colour: a finite number is required, got 'red'; correct it",
    ),
    (
        "missing cell",
        (*CSV, "missing.csv"),
        r"'missing\.csv', line 3, column height: a finite number is required, got an empty cell",
    ),
    (
        "too few cells",
        (*CSV, "short.csv"),
        r"'short\.csv', line 3: 2 cells are required, as many as in the first line, got 1",
    ),
    (
        "another separator",
        (*CSV, "semicolons.csv", "--data.target", "weight"),
        r"'semicolons\.csv' must separate its columns by commas, got semi.*'height;weight'; conv",
    ),
    ("empty file", (*CSV, "empty.csv"), r"'empty\.csv' is empty; its first line must name"),
    (
        "no first line",
        (*CSV, "unnamed.csv"),
        r"'unnamed\.csv' must name its columns in the first line, got the numbers '1\.7,60'",
    ),
    (
        "constant column",
        (*CSV, "constant.csv"),
        r"column height of 'constant\.csv' is 1\.7 in all 17 training rows",
    ),
    (
        "unknown column",
        (*CSV, "small.csv", "--data.leave_out", "[width]"),
        r"`leave_out` must name columns of 'small\.csv', got 'width'; it has height, weight",
    ),
    (
        "column outside a list",
        (*CSV, "small.csv", "--data.leave_out", "weight"),
        r"`leave_out` must be list or null, got weight\. Write it as '\[weight\]', or several as",
    ),
    (
        "no column left",
        (*CSV, "small.csv", "--data.leave_out", "[height, weight]"),
        r"`leave_out` and `target` must leave columns of 'small\.csv' to be features, got all 2",
    ),
    (
        "batch larger than the table",
        (*CSV, "small.csv"),
        r"`batch_size` must be at most 17, the number of training rows of CSVTable",
    ),
    (
        "convolutions of a table",
        (*CSV, "small.csv", "--data.batch_size", "5", "--model.encoder", "networks.ConvEncoder"),
        r"`image_shape` must be \(channels, height, width\) .*, got \(2,\); for rows .* MLPEncoder",
    ),
    (
        "a size that a network cannot make",
        (*FOLDER, "whole", "--data.image_size", "31", "--model.encoder", "networks.CWAEEncoder"),
        r"`image_shape` must have even sides, got \(3, 31, 31\); resize the images",
    ),
    (
        "Boston Housing that is not there",
        (*BASE, "--data", "BostonHousing", "--data.data_dir", "nowhere"),
        r"'nowhere/BostonHousing/housing\.csv' does not exist .* --data\.data_dir or HAWC_DATA",
    ),
    (
        "Boston Housing with a missing cell",
        (*BASE, "--data", "BostonHousing", "--data.data_dir", "missing"),
        r"'missing/BostonHousing/housing\.csv', line 2, column CRIM: .* got 'NA'",
    ),
    ("no folder", (*FOLDER, "nowhere"), r"'nowhere' must be a folder of images"),
    (
        "no images",
        (*FOLDER, "missing"),
        r"'missing' holds no image that can be read, such as \.jpg",
    ),
    (
        "damaged image",
        (*FOLDER, "images"),
        r"1 of 1 images in 'images' cannot be read: 1\.png \(no image .*; repair or remove them",
    ),
    (
        "no second domain",
        (*DOMAINS, "--data.path_b", "nowhere"),
        r"'nowhere' must be a folder of images, and there is no such folder",
    ),
    (
        "pairs of different number",
        (*DOMAINS, "--data.path_b", "three", "--data.pairing", "order"),
        r"domains in pairs must have as many images each, got 2 in 'two' and 3 in 'three'",
    ),
    (
        "a image without partner",
        (*DOMAINS, "--data.path_b", "three", "--data.pairing", "name"),
        r"'three/002\.png' has no partner of its name in 'two'",
    ),
    (
        "damaged image of a domain",
        (*DOMAINS, "--data.path_b", "images"),
        r"1 of 1 images in 'images' cannot be read: 1\.png \(no image .*; repair or remove them",
    ),
    (
        "nothing but damaged images",
        (*DOMAINS, "--data.path_b", "images", "--data.broken", "skip"),
        r"1 of 1 images in 'images' cannot be read: 1\.png .*; repair some",
    ),
    (
        "misspelt pairing",
        (*DOMAINS, "--data.path_b", "three", "--data.pairing", "names"),
        r"`pairing` must be .*'none', 'name', 'order'.*, got names",
    ),
    (
        "sides that cannot be halved",
        (*DOMAINS, "--data.path_b", "two", "--model.generator", "networks.DiscoTranslator"),
        r"`image_shape` must have sides that are multiples of 16, .* got \(3, 8, 8\); resize",
    ),
    (
        "samples of a translator",
        (*DISCO, "--trainer.callbacks", "HistoryAwareSampling"),
        r"HistoryAwareSampling needs a model with .*; DiscoGAN has no `decode` and `prior`",
    ),
    (
        "translations of an autoencoder",
        (*BASE, "--trainer.callbacks", "Translations"),
        r"Translations needs a model with .*; EnergyVAE has no `translate_to_a` and",
    ),
]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with files that each have something wrong."""
    folder = tmp_path_factory.mktemp("workplace")
    for name, content in FILES.items():
        (folder / name).write_text(content)
    write_boston(folder / "whole", n=200)
    housing = write_boston(folder / "missing", n=200)
    first_line, _, rest = housing.read_text().partition("\n")
    housing.write_text(f"{first_line}\nNA{rest[rest.index(',') :]}")
    write_images(folder / "two", 2)
    write_images(folder / "three", 3)
    (folder / "images").mkdir()
    (folder / "images" / "1.png").write_bytes(b"<html>not found</html>")
    return folder


@each_mistake(TABLE)
def test_one_plain_line_and_nothing_written(
    mistake: Mistake,
    workplace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    check_refusal(mistake, workplace, monkeypatch, capfd)
