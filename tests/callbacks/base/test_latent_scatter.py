"""The plane of largest variance, and figures for labels of any kind."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from callbacks.base.latent_scatter import principal_plane, scatter_latents


@given(st.integers(0, 100), st.integers(2, 9))
def test_plane_is_that_of_the_singular_vectors(seed: int, dim: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    scales = torch.linspace(1, 3, dim, dtype=torch.float64)
    latents = 5 + scales * torch.randn(40, dim, generator=generator, dtype=torch.float64)
    center, directions, shares = principal_plane(latents)
    values, vectors = np.linalg.svd((latents - latents.mean(0)).numpy())[1:]
    torch.testing.assert_close(center, latents.mean(0))
    expected_shares = values[:2] ** 2 / (values**2).sum()
    torch.testing.assert_close(shares, torch.from_numpy(expected_shares))
    agreement = torch.from_numpy(vectors[:2]) @ directions
    torch.testing.assert_close(
        agreement.abs(), torch.eye(2, dtype=torch.float64), atol=1e-6, rtol=0
    )
    assert (directions.gather(0, directions.abs().argmax(0, keepdim=True)) > 0).all()


def test_latents_that_do_not_vary() -> None:
    _, directions, shares = principal_plane(torch.ones(5, 4))
    assert directions.isfinite().all()
    assert shares.tolist() == [0, 0]


LABELS = {
    "none": None,
    "ten classes": torch.arange(30) % 10,
    "many classes": torch.arange(30),
    "late classes": 15 + torch.arange(30) % 3,
    "large numbers": 1000 + 20 * (torch.arange(30) % 3),
    "negative numbers": torch.arange(30) % 3 - 1,
    "one class": torch.zeros(30, dtype=torch.int64),
    "true or false": torch.arange(30) % 2 == 0,
    "values": torch.linspace(-1, 1, 30),
}


@pytest.mark.parametrize("dim", [1, 2, 5])
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS.keys())
def test_labels_of_any_kind(labels: torch.Tensor | None, dim: int) -> None:
    generator = torch.Generator().manual_seed(0)
    latents, prior_samples = torch.randn(2, 30, dim, generator=generator)
    figure = scatter_latents(latents, prior_samples, labels)
    figure.canvas.draw()
    assert len(figure.axes) >= 1


@pytest.mark.parametrize("numbers", [(0, 3, 9), (1, 2, 15), (-1, 0, 1), (1000, 1020, 1040)])
def test_classes_have_one_color_each_and_a_legend(numbers: tuple[int, int, int]) -> None:
    first, second, third = numbers
    labels = torch.tensor([first, second, second, third])
    figure = scatter_latents(torch.randn(4, 2), torch.randn(4, 2), labels)
    points = figure.axes[0].collections[1]
    figure.canvas.draw()
    colors = [tuple(color) for color in points.get_facecolors()]
    assert colors[1] == colors[2]
    assert len(set(colors)) == 3
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["prior", *map(str, numbers)]
    shown = [tuple(patch.get_facecolor()) for patch in legend.get_patches()]
    assert shown[1:] == [colors[0], colors[1], colors[3]]


def test_higher_dimensions_are_shown_by_components() -> None:
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(50, 4, generator=generator) * torch.tensor([1.0, 9.0, 1.0, 4.0])
    axes = scatter_latents(latents, torch.randn(50, 4, generator=generator), None).axes[0]
    assert "principal component 1 (" in axes.get_xlabel()
    shown = torch.as_tensor(axes.collections[1].get_offsets().data)
    # components are nearly the axes: other coordinates vary much less
    for component, coordinate in ((0, 1), (1, 3)):
        expected = float(latents[:, coordinate].std())
        assert float(shown[:, component].std()) == pytest.approx(expected, rel=0.1)
