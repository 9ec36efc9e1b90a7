"""The table of mistakes goes on with generators and critics."""

from pathlib import Path

import pytest

from tests.datamodules.image_files import write_images
from tests.datamodules.table_files import write_boston
from tests.mistakes import Mistake, check_refusal, each_mistake

CONFIGS = Path(__file__).parent.parent / "configs"
SNGAN = ("--config", str(CONFIGS / "sngan_mnist5k.yaml"))
DISCO = ("--config", str(CONFIGS / "disco_gan_toy.yaml"))
EBGAN = ("--config", str(CONFIGS / "ebgan_mnist5k.yaml"))
SIDES_36 = ("--data", "ImageFolder", "--data.image_size", "36", "--data.path", "images")
TWO_FOLDERS = (
    *("--data", "TwoFolders", "--data.image_size", "28", "--data.channels", "1"),
    *("--data.path_a", "images", "--data.path_b", "images"),
)
ROWS = ("--data", "BostonHousing", "--data.data_dir", "whole", "--data.batch_size", "9")

TABLE: list[Mistake] = [
    (
        "sides that residual critics cannot halve",
        (*SNGAN, *SIDES_36, "--model.critic", "networks.ResNetEncoder"),
        r"`image_shape` must have sides .* such as 28, 32, 48 or 64, got \(3, 36, 36\)",
    ),
    (
        "sides that residual generators cannot double",
        (*EBGAN, *SIDES_36, "--model.generator", "networks.ResNetDecoder"),
        r"`image_shape` must have sides .* such as 28, 32, 48 or 64, got \(3, 36, 36\)",
    ),
    (
        "rows of a table for a residual generator",
        (*EBGAN, *ROWS, "--model.generator", "networks.ResNetDecoder"),
        r"`image_shape` must be \(channels, height, width\) .*, got \(13,\); .*MLPEncoder",
    ),
    (
        "residual network without channels",
        (*EBGAN, "--model.generator=networks.ResNetDecoder", "--model.generator.width=0"),
        r"`width` must be at least 1, got 0",
    ),
    (
        "batch norm under spectral norms",
        (*SNGAN, "--model.critic.batch_norm", "true"),
        r"`critic` must have no batch norm, because its scales.*; set `batch_norm: false`",
    ),
    (
        "one domain for a translator",
        (*DISCO, "--data", "MNIST5k"),
        r"`data` must serve batches \(a, b\) of two domains to DiscoGAN, got MNIST5k, .* TwoFol",
    ),
    (
        "two domains for a generator",
        (*SNGAN, *TWO_FOLDERS),
        r"`data` must serve batches .* of one domain to SNGAN, got TwoFolders, .* such as DiscoGAN",
    ),
    ("n_critic 0", (*SNGAN, "--model.n_critic", "0"), r"`n_critic` must be at least 1, got 0"),
    ("margin", (*EBGAN, "--model.margin", "-1"), r"`margin` must be > 0, got -1\.0"),
    ("code", (*EBGAN, "--model.code_dim", "0"), r"`code_dim` must be at least 1, got 0"),
    (
        "repulsion",
        (*EBGAN, "--model.pulling_away_weight", "-1"),
        r"`pulling_away_weight` must be at least 0, got -1\.0",
    ),
]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with a folder of images and a table."""
    folder = tmp_path_factory.mktemp("workplace")
    (folder / "images").mkdir()
    write_images(folder / "images", n=100)
    write_boston(folder / "whole", n=200)
    return folder


@each_mistake(TABLE)
def test_one_plain_line_and_nothing_written(
    mistake: Mistake,
    workplace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    check_refusal(mistake, workplace, monkeypatch, capfd)
