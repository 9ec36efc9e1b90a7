"""Rows of images of independent latents, of recursive ones and by features."""

import torch

from benchmarks.before_after import row_by_features, two_rows
from hawc import HistoryAwareSampler, IndependentSampler
from lightning_modules import VAE
from tests.helpers import tiny_decoder, tiny_encoder, tiny_vae


@torch.no_grad()
def test_rows_are_ten_independent_and_ten_recursive_latents() -> None:
    model, generator = tiny_vae().eval(), torch.Generator().manual_seed(0)
    target = model.prior
    independent = IndependentSampler(target).sample(10, generator=generator)
    sampler = HistoryAwareSampler(target)
    recursive = [sampler.sample(1, generator=generator) for _ in range(10)]
    rows = two_rows(model)
    assert rows.shape == (20, 1, 8, 8)
    assert torch.equal(rows, model.decode(torch.cat([independent, *recursive])))
    assert not torch.equal(rows, two_rows(model, seed=1))


def test_a_row_by_features_depends_on_the_real_digits() -> None:
    real = torch.rand(20, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    model = VAE((1, 28, 28), 2, tiny_encoder, tiny_decoder).eval()
    row, other = (row_by_features(model, images) for images in (real, 1 - real))
    assert row.shape == (10, 1, 28, 28)
    assert torch.equal(row, row_by_features(model, real))
    assert not torch.equal(row, other)
