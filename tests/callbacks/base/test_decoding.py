"""Decoding and encoding leave modes, buffers and latents unchanged."""

import torch
from torch import nn

from callbacks.base.decoding import decode, encode, evaluating
from tests.helpers import same_weights, tiny_energy_vae, tiny_vae, weights


def test_each_mode_is_restored() -> None:
    model = tiny_energy_vae()
    model.encoder.eval()
    with evaluating(model):
        assert not any(part.training for part in model.modules())
        assert not torch.is_grad_enabled()
    assert not any(part.training for part in model.encoder.modules())
    assert all(part.training for part in model.decoder.modules())
    assert model.training
    assert torch.is_grad_enabled()


def test_slices_give_the_same_as_the_whole() -> None:
    model = tiny_energy_vae()
    model.decoder.insert(1, nn.BatchNorm1d(16))
    before = weights(model)
    latents, images = torch.randn(300, 2), torch.rand(300, 1, 8, 8)
    with evaluating(model):
        # matrix products of other sizes round differently
        torch.testing.assert_close(decode(model, latents), model.decode(latents))
        torch.testing.assert_close(encode(model, images), model.encode(images))
    assert same_weights(before, weights(model))


def test_latents_are_converted_to_the_precision_of_the_model() -> None:
    model = tiny_energy_vae().double()
    decoded = decode(model, torch.zeros(1, 2))
    assert decoded.dtype == torch.float32
    assert encode(model, decoded).dtype == torch.float32


def test_a_model_that_works_in_place_changes_no_input() -> None:
    model, latents, images = tiny_vae(), torch.ones(3, 2), torch.rand(3, 1, 8, 8)
    model.decode = lambda z: z.mul_(2)
    model.encode = lambda x: x.zero_().flatten(1)
    before = images.clone()
    assert torch.equal(decode(model, latents), torch.full((3, 2), 2.0))
    encode(model, images)
    assert torch.equal(latents, torch.ones(3, 2))
    assert torch.equal(images, before)
