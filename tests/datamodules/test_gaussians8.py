"""Eight Gaussians: the published numbers."""

import pytest
import torch

from datamodules import Gaussians8


def test_numbers_are_the_published_ones() -> None:
    data = Gaussians8()
    assert data.modes.norm(dim=1).tolist() == pytest.approx([2 / 1.414] * 8)
    assert data.modes[[0, 2]].flatten().tolist() == pytest.approx(
        [2 / 1.414, 0, 0, 2 / 1.414], abs=1e-6
    )
    # the chords between neighbours have one length
    chords = (data.modes - data.modes.roll(1, 0)).norm(dim=1)
    assert torch.allclose(chords, chords[:1])
    assert data.mode_std == pytest.approx(0.02 / 1.414)
