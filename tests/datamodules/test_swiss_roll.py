"""The Swiss roll: points lie around the spiral, along all of it."""

import math

import torch

from datamodules import SwissRoll


def test_points_lie_around_the_spiral() -> None:
    points, labels = SwissRoll().sample(4_000, generator=torch.Generator().manual_seed(0))
    t = torch.linspace(1.5 * math.pi, 4.5 * math.pi, 4_001)
    spiral = torch.stack((t * t.cos(), t * t.sin()), dim=1) / 7.5
    distance, place = torch.cdist(points, spiral).min(1)
    # the distance to a line that is nearly straight is half normal; 3 % of its size for curvature
    # and ends, five standard errors for chance
    expected = 0.25 / 7.5 * (2 / math.pi) ** 0.5
    assert abs(distance.mean() - expected) < 0.03 * expected + 5 * 0.6 * 0.0333 / 4_000**0.5
    quarters = torch.histc(place.float(), 4, 0, 4_000)
    assert (quarters - 1_000).abs().max() < 5 * 27.4 + 20  # noise moves some across the ends
    assert labels.unique().tolist() == [0]
