import pytest
import torch

pytest.importorskip("diffusers", reason="uv sync --group generators")

from examples.generators.tiny_diffusion import text_to_image_pipeline, unconditional_model
from hawc import StandardNormal


def test_images_depend_on_seed_prompt_and_latent_alone() -> None:
    latents = StandardNormal(64).sample(3, generator=torch.Generator().manual_seed(0))
    latents = latents.reshape(3, 4, 4, 4)

    def images(seed: int, prompt: str) -> torch.Tensor:
        pipe = text_to_image_pipeline(seed)
        made = pipe([prompt] * 3, latents=latents, num_inference_steps=4, output_type="np")
        return torch.from_numpy(made.images)

    before = torch.get_rng_state()
    fox = images(0, "a fox")
    assert torch.equal(torch.get_rng_state(), before)
    assert fox.shape == (3, 32, 32, 3)
    assert torch.equal(images(0, "a fox"), fox)
    # a visible difference, in units of black to white
    assert torch.pdist(fox.flatten(1)).min() > 0.1 * fox[0].numel() ** 0.5
    for other in (images(0, "a lighthouse"), images(1, "a fox")):
        assert (other - fox).abs().mean() > 0.02


def test_unconditional_model_has_a_seed_of_its_own() -> None:
    before = torch.get_rng_state()
    (unet, scheduler), (again, _) = unconditional_model(3), unconditional_model(3)
    assert torch.equal(torch.get_rng_state(), before)
    noise = torch.randn(2, 3, 16, 16)
    assert torch.equal(unet(noise, 10).sample, again(noise, 10).sample)
    assert not torch.equal(unet(noise, 10).sample, unconditional_model(4)[0](noise, 10).sample)
    assert scheduler.config.prediction_type == "sample"
