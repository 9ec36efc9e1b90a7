"""A scatter plot of latents by label, in the plane of largest variance."""

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from callbacks.base.images import new_figure

__all__ = ["principal_plane", "scatter_latents"]

_MAX_CLASSES = 20  # with distinguishable colours
_GRAY = "0.82"
_DOT_SIZE = 9  # square points


def scatter_latents(
    latents: Float[Tensor, "n d"], prior_samples: Float[Tensor, "m d"], labels: Tensor | None
) -> Figure:
    """Returns a figure of latents, coloured by label, over samples of the prior.

    Args:
        latents: shown by their two coordinates, in one dimension as a histogram, in more than two
            by `principal_plane`.
        prior_samples: samples of the prior, shown in grey in the same coordinates.
        labels: labels (n,). Up to twenty different integers are classes with one colour each, other
            labels are values on a colour scale. None for a single colour.
    """
    figure = new_figure(7.2, 6.0)
    axes = figure.subplots()
    if latents.shape[1] == 1:
        _histogram(axes, latents[:, 0], prior_samples[:, 0])
        return figure
    names = ["first coordinate", "second coordinate"]
    if latents.shape[1] > 2:
        center, directions, shares = principal_plane(latents)
        latents, prior_samples = ((x - center) @ directions for x in (latents, prior_samples))
        names = [
            f"principal component {i} ({share:.0%} of the variance)"
            for i, share in enumerate(shares.tolist(), start=1)
        ]
    axes.scatter(*prior_samples.T, s=_DOT_SIZE, c=_GRAY, linewidths=0)
    _plot_latents(figure, axes, latents, labels)
    axes.set(xlabel=names[0], ylabel=names[1])
    axes.set_aspect("equal", adjustable="datalim")
    return figure


def principal_plane(
    latents: Float[Tensor, "n d"],
) -> tuple[Float[Tensor, " d"], Float[Tensor, "d 2"], Float[Tensor, " 2"]]:
    """Returns the mean and the two directions of largest variance with their shares.

    The directions are orthonormal. The largest entry of each is positive, so that figures of
    different epochs are not mirrored.

    Args:
        latents: at least one latent, in at least two dimensions.
    """
    center = latents.mean(0)
    centered = (latents - center).double()
    variances, vectors = torch.linalg.eigh(centered.T @ centered / len(latents))
    directions = vectors[:, -2:].flip(1)
    largest = directions.gather(0, directions.abs().argmax(0, keepdim=True))
    directions = directions * torch.where(largest < 0, -1.0, 1.0)
    shares = variances[-2:].flip(0) / variances.sum().clamp(min=torch.finfo(torch.float64).tiny)
    return center, directions.to(latents), shares


def _plot_latents(
    figure: Figure, axes: Axes, latents: Float[Tensor, "n 2"], labels: Tensor | None
) -> None:
    prior = Patch(color=_GRAY, label="prior")
    if labels is None:
        axes.scatter(*latents.T, s=_DOT_SIZE, linewidths=0)
        axes.legend(handles=[prior], loc="upper right")
    elif labels.is_floating_point() or len(labels.unique()) > _MAX_CLASSES:
        figure.colorbar(
            axes.scatter(*latents.T, s=_DOT_SIZE, linewidths=0, c=labels), label="label"
        )
        axes.legend(handles=[prior], loc="upper right")
    else:
        # beside the axes: a legend of twenty classes would hide some latents
        classes = _plot_classes(axes, latents, labels.long())
        figure.legend(handles=[prior, *classes], loc="outside right upper", fontsize=9)


def _plot_classes(axes: Axes, latents: Float[Tensor, "n 2"], labels: Tensor) -> list[Patch]:
    """Plots classes and returns the legend entries.

    If all labels are from 0 to 19, their colours do not depend on which of them are present.
    """
    classes, order = labels.unique(return_inverse=True)
    is_small = int(classes.min()) >= 0 and int(classes.max()) < _MAX_CLASSES
    index = labels if is_small else order
    num_colors = 10 if int(index.max()) < 10 else _MAX_CLASSES
    points = axes.scatter(*latents.T, s=_DOT_SIZE, linewidths=0, c=index, cmap=f"tab{num_colors}")
    points.set_clim(-0.5, num_colors - 0.5)
    return [
        Patch(color=points.to_rgba(int(index[labels == c][0])), label=str(c))
        for c in classes.tolist()
    ]


def _histogram(
    axes: Axes, latents: Float[Tensor, " n"], prior_samples: Float[Tensor, " m"]
) -> None:
    num_bins = min(max(round(len(latents) ** 0.5), 5), 40)
    bins = torch.histogram(torch.cat([latents, prior_samples]).double(), num_bins).bin_edges
    axes.hist(prior_samples.numpy(), bins.numpy(), density=True, color=_GRAY, label="prior")
    axes.hist(latents.numpy(), bins.numpy(), density=True, histtype="step", lw=2, label="latents")
    axes.set(xlabel="latent", ylabel="density")
    axes.legend()
