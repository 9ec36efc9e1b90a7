"""Short trainings for the tests of callbacks, and readers of their images."""

from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer, seed_everything
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import pil_to_tensor

from callbacks import GeneratorEMA
from hawc import StandardNormal
from lightning_modules.base.adversarial import AbstractAdversarial
from tests.helpers import TinyImages, quiet_trainer, same_weights, tiny_energy_vae, weights


def run(
    folder: Path,
    *callbacks: Callback,
    model: LightningModule | None = None,
    data: TinyImages | None = None,
    **arguments: Any,
) -> Trainer:
    """Trains a model, by default a small autoencoder, and returns the trainer."""
    seed_everything(1)
    trainer = quiet_trainer(folder, callbacks=list(callbacks), **arguments)
    model = model or tiny_energy_vae()
    trainer.fit(model, data or TinyImages(batch_size=24))
    return trainer


def watch_decoding(model: AbstractAdversarial) -> list[tuple[Tensor, dict[str, Tensor]]]:
    """Returns a list of all latents to be decoded with the generator's weights at that time."""
    seen, decode = [], model.decode

    def spy(z: Tensor) -> Tensor:
        seen.append((z.clone(), weights(model.generator)))
        return decode(z)

    model.decode = spy  # type: ignore[method-assign]
    return seen


def check_fixed_latents(
    folder: Path,
    callback: Callback,
    model: AbstractAdversarial,
    use_ema: bool,
    data: TinyImages | None = None,
) -> None:
    """Checks that each epoch decodes the latents of seed 4, the last by the selected weights.

    Args:
        folder: folder of the run.
        callback: callback that decodes 20 latents of seed 4, by the average if `use_ema`.
        model: model with three latent dimensions.
        use_ema: whether the average should decode.
        data: data for the model.
    """
    seen, ema = watch_decoding(model), GeneratorEMA(decay=0.9)
    run(folder, ema, callback, model=model, data=data, max_epochs=3)
    latents = StandardNormal(3).sample(20, generator=torch.Generator().manual_seed(4))
    trained, average = weights(model.generator), ema.state_dict()["average"]
    assert not same_weights(average, trained)
    assert len(seen) >= 3
    assert all(torch.equal(z, latents) for z, _ in seen)
    assert same_weights(seen[-1][1], average if use_ema else trained)


def image_names(folder: Path) -> set[str]:
    """Returns the names of a run's images, without .png."""
    return {path.stem for path in (folder / "images").glob("*.png")}


def read_image(path: Path) -> Tensor:
    with Image.open(path) as image:
        return pil_to_tensor(image)
