"""Modes are covered by a tenth of their fair share of points, computed by hand."""

import pytest
import torch

from benchmarks.coverage import coverage


def test_covered_modes_by_hand() -> None:
    modes = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    # of 60 points 20 are the fair share of a mode, so two points cover it; 0.41 is too far
    points = torch.full((60, 2), 5.0)
    points[:3] = modes[0]
    points[3] = modes[1] + torch.tensor([0.39, 0.0])
    points[4] = modes[1] - torch.tensor([0.0, 0.39])
    points[5] = modes[2]
    points[6] = modes[2] + torch.tensor([0.41, 0.0])
    assert coverage(points, modes, 0.1) == (2, pytest.approx(6 / 60))
