import numpy as np
import pytest
import torch
from jaxtyping import Float
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

import hawc.blocks
from metrics import nearest, nearest_earlier
from metrics.neighbours import central_point, squared_distance_blocks, squared_neighbour_radii
from tests.metrics.sets import real_and_fake

REAL, FAKE = real_and_fake(300, 200, 12)


@pytest.fixture(autouse=True)
def _several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hawc.blocks, "_BLOCK_ENTRIES", 7000)


def fitted(points: Float[Tensor, "n f"]) -> NearestNeighbors:
    return NearestNeighbors(algorithm="brute").fit(points.double().numpy())


def test_blocks_make_up_the_matrix_of_squared_distances() -> None:
    blocks = squared_distance_blocks(REAL + 1e3, FAKE + 1e3)
    copies = [(rows, block.clone()) for rows, block in blocks]
    assert len(copies) > 5
    expected = torch.cdist((REAL + 1e3).double(), (FAKE + 1e3).double()).square()
    squared = torch.cat([block for _, block in copies])
    # error of the expansion around the origin: a few eps of the squared norms
    assert torch.allclose(squared, expected, rtol=0, atol=1e-12)
    assert [rows.start for rows, _ in copies][:3] == [0, 35, 70]


@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize("num_features", [3, 64, 2048])
def test_copies_are_at_distance_zero(offset: float, num_features: int) -> None:
    points = real_and_fake(40, 10, num_features)[0] + offset
    squared = torch.cat([b.clone() for _, b in squared_distance_blocks(points, points.flip(0))])
    assert (squared.fliplr().diagonal() == 0).all()
    assert int((squared == 0).sum()) == 40


def test_a_distant_point_does_not_change_the_other_distances() -> None:
    far = torch.cat([FAKE, torch.full((1, 12), 1e9)])
    distances, _ = nearest(REAL, far)
    assert torch.allclose(distances, nearest(REAL, FAKE)[0], rtol=1e-10)


@pytest.mark.parametrize("n", [1, 2, 999, 1000])
def test_the_origin_is_the_median(n: int) -> None:
    points = real_and_fake(n, 10, 3)[0]
    assert torch.equal(central_point(points), points.median(0).values.double())


def test_the_origin_of_many_points_is_the_median_of_1000() -> None:
    points = torch.arange(10_001.0)[:, None].repeat(1, 2)
    # every eleventh point: 0 to 9999
    assert central_point(points).tolist() == [4994, 4994]


def test_distances_have_no_gradient() -> None:
    distances, _ = nearest(FAKE.clone().requires_grad_(), REAL.clone().requires_grad_())
    assert torch.equal(distances, nearest(FAKE, REAL)[0])
    assert not distances.requires_grad


def test_different_features_in_float32_have_a_positive_distance() -> None:
    points = torch.tensor([[1.0, 2.0], [1.0, 2.0 + 5e-7], [3.0, 4.0]])
    assert float(nearest(points[:1], points[1:])[0]) == pytest.approx(4.77e-7, rel=1e-2)


def test_different_features_far_from_0_have_a_positive_distance() -> None:
    # an expansion around 0 would err by a distance of 2.7e-4
    points = torch.tensor([[1000.0, 2000.0], [1000.0, 2000.0 + 2**-13], [1001.0, 2001.0]])
    assert float(nearest(points[:1], points[1:])[0]) == 2**-13


@pytest.mark.parametrize("k", [1, 5, 299])
def test_radii_are_those_of_scikit_learn(k: int) -> None:
    expected = fitted(REAL).kneighbors(n_neighbors=k)[0][:, -1]
    radii = squared_neighbour_radii(REAL, k).sqrt().numpy()
    np.testing.assert_allclose(radii, expected, rtol=1e-10)  # both in float64


def test_a_copy_is_a_neighbour() -> None:
    radii = squared_neighbour_radii(torch.cat([REAL, REAL[:1]]), 1)
    assert radii[0] == radii[-1] == 0
    assert (radii[1:-1] > 0).all()


def test_nearest_are_those_of_scikit_learn() -> None:
    distances, indices = nearest(FAKE, REAL)
    expected = fitted(REAL).kneighbors(FAKE.double().numpy(), 1)
    np.testing.assert_allclose(distances.numpy(), expected[0][:, 0], rtol=1e-10)
    assert indices.tolist() == expected[1][:, 0].tolist()


def test_nearest_earlier_ignores_later_points() -> None:
    distances = nearest_earlier(FAKE)
    assert distances[0] == torch.inf
    for i in (1, 2, 50, 199):
        expected, _ = nearest(FAKE[i : i + 1], FAKE[:i])
        assert float(distances[i]) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("k", [0, 300])
def test_too_many_neighbours_are_refused(k: int) -> None:
    with pytest.raises(ValueError, match=f"`num_neighbours` must be .* got {k}"):
        squared_neighbour_radii(REAL, k)
