"""The description of history rows identifies both distributions."""

import torch

from hawc.samplers.latents_with_features import LatentsWithFeatures
from hawc.targets import Empirical, StandardNormal


def data(seed: int) -> Empirical:
    return Empirical(torch.randn(5, 3, generator=torch.Generator().manual_seed(seed)))


def test_repr_identifies_both_distributions() -> None:
    rows = LatentsWithFeatures(StandardNormal(2), data(0))
    assert rows.dim == 5
    assert repr(rows) == repr(LatentsWithFeatures(StandardNormal(2), data(0)))
    assert repr(rows) != repr(LatentsWithFeatures(StandardNormal(2), data(1)))
    assert "StandardNormal(dim=2)" in repr(rows)


def test_fingerprints_are_those_of_both_distributions() -> None:
    prior, features = data(2), data(3)
    rows = LatentsWithFeatures(prior, features)
    assert rows.num_features == 3
    assert rows.fingerprint() == prior.fingerprint() | features.fingerprint()
    assert LatentsWithFeatures(StandardNormal(2), StandardNormal(2)).fingerprint() == {}
