"""A text-to-image pipeline of diffusers that remembers its images, separately for each prompt.

    python -m examples.generators.text_to_image images.db "a red fox" "a lighthouse" --rounds 3

Start it again, on another day or twice at once: new images complement all earlier ones of their
prompt. Four images cost 35 decodings. They are written to the folder <store without suffix>, and
each can be made again from its row in the store.
"""

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from diffusers import StableDiffusionPipeline
from PIL.Image import Image, Resampling
from torch import Tensor

from examples.generators.tiny_diffusion import text_to_image_pipeline
from hawc import DatabaseHistory, FeatureSampler, StandardNormal


def embed(images: list[Image]) -> np.ndarray:
    """Returns the mean color of each of 4 x 4 fields; put your own network here."""
    return np.stack([np.asarray(i.resize((4, 4), Resampling.BOX)).flatten() / 255 for i in images])


def images_of(pipe: StableDiffusionPipeline, prompt: str, latents: Tensor) -> list[Image]:
    """Returns the images of latents (n, 4, 4, 4)."""
    return pipe([prompt] * len(latents), latents=latents, num_inference_steps=4).images


def sampler_of(pipe: StableDiffusionPipeline, prompt: str, store: Path) -> FeatureSampler:
    """Returns a sampler that remembers the images of a prompt in a file."""
    return FeatureSampler(
        StandardNormal(4 * 4 * 4),
        latent_shape=(4, 4, 4),
        history=DatabaseHistory(store, condition=prompt, create=True),
        decode=lambda latents: images_of(pipe, prompt, latents),
        features=embed,
        num_candidates=32,
        num_steps=0,
        batch_size=1,  # images made again are then equal to the last bit
    )


def save(sampler: FeatureSampler, n: int, store: Path) -> None:
    """Makes n images, writes them, and names their files in their rows."""
    folder = store.with_suffix("")
    folder.mkdir(exist_ok=True)
    sampled = sampler.sample_images(n)  # the operating system seeds it, so processes differ
    prompt = sampler.history.condition
    digest = hashlib.sha256(prompt.encode()).hexdigest()[:8]  # a prompt may be too long for a name
    names = [f"{digest}_{index}.png" for index in sampled.ids]
    for name, image in zip(names, sampled.images, strict=True):
        image.save(folder / name)
    sampler.history.annotate(sampled.ids, [{"file": f"{folder.name}/{name}"} for name in names])
    print(f"{prompt:.40}: {', '.join(names)}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes four images of each prompt in every round."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("prompts", nargs="+")
    parser.add_argument("--rounds", type=int, default=1, help="of four images of each prompt")
    options = parser.parse_args(arguments)
    pipe = text_to_image_pipeline()
    samplers = [sampler_of(pipe, prompt, options.store) for prompt in options.prompts]
    for _ in range(options.rounds):
        for sampler in samplers:
            save(sampler, 4, options.store)


if __name__ == "__main__":
    main()
