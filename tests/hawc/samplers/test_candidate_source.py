"""Candidates are samples of the prior with typical lengths, decoded and checked."""

import pytest
import torch

from hawc.samplers.candidate_source import CandidateSource
from hawc.samplers.latent_form import LatentForm
from hawc.targets import StandardNormal


def source(noise: float = 0.0) -> CandidateSource:
    def decode(z: torch.Tensor) -> torch.Tensor:
        return z + noise * torch.randn_like(z)

    return CandidateSource(
        StandardNormal(64), 20, decode, torch.clone, lambda x: x.sum(1), LatentForm(), iter
    )


def test_candidates_are_typical_and_complete() -> None:
    own = source()
    phi = own.decoder(None, 0)
    candidates = own.candidates(phi, torch.Generator().manual_seed(0), None, True)
    lengths = candidates.latents.norm(dim=1)
    assert 6.3 < float(lengths.min()) < float(lengths.max()) < 9.8  # chi's 1 and 99 % quantiles
    assert candidates.quality is not None
    torch.testing.assert_close(candidates.quality, candidates.features.sum(1))
    assert len(candidates.images) == 20
    assert phi.num_features == 64
    with pytest.raises(ValueError, match=r"`num_candidates` must be at least .* 21, got 20"):
        own.check_enough(21)


def test_noise_of_the_decoder_is_found() -> None:
    own = source(noise=1.0)
    with pytest.raises(ValueError, match="must give the same result for the same latent"):
        own.candidates(own.decoder(None, 0), torch.Generator().manual_seed(0), None, False)
