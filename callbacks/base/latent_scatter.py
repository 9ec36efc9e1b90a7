"""Codes of labelled examples as a image, in the plane where they spread most."""

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from callbacks.base.images import new_figure

__all__ = ["principal_plane", "scatter"]

_MOST_CLASSES = 20  # colours that can be told apart, at most
_GRAY = "0.82"
_SIZE = 9  # of a dot, in square points


def scatter(
    latents: Float[Tensor, "n d"], distribution: Float[Tensor, "m d"], labels: Tensor | None
) -> Figure:
    """Returns a figure of latents, coloured by label, over samples of the distribution they should
    follow.

    Args:
        latents: in one dimension shown as a histogram, in two as they are, in more by
            `principal_plane`.
        distribution: draws, shown in grey by the same map.
        labels: (n,); up to twenty different whole numbers are classes with a colour each, others
            values on a scale of colours. One colour if None.
    """
    figure = new_figure(7.2, 6.0)
    axes = figure.subplots()
    if latents.shape[1] == 1:
        _histogram(axes, latents[:, 0], distribution[:, 0])
        return figure
    names = ["first coordinate", "second coordinate"]
    if latents.shape[1] > 2:
        center, directions, shares = principal_plane(latents)
        latents, distribution = (
            (latents - center) @ directions,
            (distribution - center) @ directions,
        )
        names = [
            f"principal component {i} ({share:.0%} of the variance)"
            for i, share in enumerate(shares.tolist(), start=1)
        ]
    axes.scatter(*distribution.T, s=_SIZE, c=_GRAY, linewidths=0)
    _plot_latents(figure, axes, latents, labels)
    axes.set(xlabel=names[0], ylabel=names[1])
    axes.set_aspect("equal", adjustable="datalim")
    return figure


def principal_plane(
    latents: Float[Tensor, "n d"],
) -> tuple[Float[Tensor, " d"], Float[Tensor, "d 2"], Float[Tensor, " 2"]]:
    """Returns the latents' mean, the two orthonormal directions of largest variance, their shares.

    A direction's largest entry is positive: the image must not turn over between two epochs.

    Args:
        latents: at least one, in at least two dimensions.
    """
    center = latents.mean(0)
    centerd = (latents - center).double()
    variances, vectors = torch.linalg.eigh(centerd.T @ centerd / len(latents))
    directions = vectors[:, -2:].flip(1)
    largest = directions.gather(0, directions.abs().argmax(0, keepdim=True))
    directions = directions * torch.where(largest < 0, -1.0, 1.0)
    shares = variances[-2:].flip(0) / variances.sum().clamp(min=torch.finfo(torch.float64).tiny)
    return center, directions.to(latents), shares


def _plot_latents(
    figure: Figure, axes: Axes, latents: Float[Tensor, "n 2"], labels: Tensor | None
) -> None:
    distribution = Patch(color=_GRAY, label="distribution")
    if labels is None:
        axes.scatter(*latents.T, s=_SIZE, linewidths=0)
        axes.legend(handles=[distribution], loc="upper right")
    elif labels.is_floating_point() or len(labels.unique()) > _MOST_CLASSES:
        figure.colorbar(axes.scatter(*latents.T, s=_SIZE, linewidths=0, c=labels), label="label")
        axes.legend(handles=[distribution], loc="upper right")
    else:
        # beside the latents: a legend of twenty classes would hide some
        classes = _draw_classes(axes, latents, labels.long())
        figure.legend(handles=[distribution, *classes], loc="outside right upper", fontsize=9)


def _draw_classes(axes: Axes, latents: Float[Tensor, "n 2"], labels: Tensor) -> list[Patch]:
    """Returns the legend's entries; small numbers keep their colour whichever are present."""
    classes, order = labels.unique(return_inverse=True)
    is_small = int(classes.min()) >= 0 and int(classes.max()) < _MOST_CLASSES
    index = labels if is_small else order
    num_colors = 10 if int(index.max()) < 10 else _MOST_CLASSES
    points = axes.scatter(*latents.T, s=_SIZE, linewidths=0, c=index, cmap=f"tab{num_colors}")
    points.set_clim(-0.5, num_colors - 0.5)
    return [
        Patch(color=points.to_rgba(int(index[labels == c][0])), label=str(c))
        for c in classes.tolist()
    ]


def _histogram(axes: Axes, latents: Float[Tensor, " n"], distribution: Float[Tensor, " m"]) -> None:
    num_bins = min(max(round(len(latents) ** 0.5), 5), 40)
    bins = torch.histogram(torch.cat([latents, distribution]).double(), num_bins).bin_edges
    axes.hist(distribution.numpy(), bins.numpy(), density=True, color=_GRAY, label="distribution")
    axes.hist(latents.numpy(), bins.numpy(), density=True, histtype="step", lw=2, label="latents")
    axes.set(xlabel="latent", ylabel="density")
    axes.legend()
