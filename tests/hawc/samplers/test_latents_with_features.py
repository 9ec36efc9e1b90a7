"""What a gallery of rows records of both distributions."""

from pathlib import Path

import pytest
import torch

from hawc.history import DatabaseHistory
from hawc.samplers.latents_with_features import LatentsWithFeatures
from hawc.targets import Empirical, StandardNormal


def data(seed: int) -> Empirical:
    return Empirical(torch.randn(5, 3, generator=torch.Generator().manual_seed(seed)))


def test_identity_is_that_of_both_distributions() -> None:
    rows = LatentsWithFeatures(StandardNormal(2), data(0))
    assert rows.dim == 5
    assert repr(rows) == repr(LatentsWithFeatures(StandardNormal(2), data(0)))
    assert repr(rows) != repr(LatentsWithFeatures(StandardNormal(2), data(1)))
    assert "StandardNormal(dim=2)" in repr(rows)


def test_a_gallery_refuses_features_of_another_network(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gallery.db"
    history = DatabaseHistory(url, LatentsWithFeatures(StandardNormal(2), data(0)))
    history.append(torch.zeros(1, 5), expected_length=0)
    with pytest.raises(ValueError, match="LatentsWithFeatures"):
        DatabaseHistory(url, LatentsWithFeatures(StandardNormal(2), data(1)))
