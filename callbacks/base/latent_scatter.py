"""Codes of labelled items as a picture, in the plane where they spread most."""

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from callbacks.base.images import new_figure

__all__ = ["principal_plane", "scatter"]

_MOST_CLASSES = 20  # colours that can be told apart, at most
_GREY = "0.82"
_SIZE = 9  # of a dot, in square points


def scatter(
    codes: Float[Tensor, "n d"], law: Float[Tensor, "m d"], labels: Tensor | None
) -> Figure:
    """Returns a figure of codes, coloured by label, over draws of the law they should follow.

    Args:
        codes: in one dimension shown as a histogram, in two as they are, in more by
            `principal_plane`.
        law: draws, shown in grey by the same map.
        labels: (n,); up to twenty different whole numbers are classes with a colour each, others
            values on a scale of colours. One colour if None.
    """
    figure = new_figure(7.2, 6.0)
    axes = figure.subplots()
    if codes.shape[1] == 1:
        _histogram(axes, codes[:, 0], law[:, 0])
        return figure
    names = ["first coordinate", "second coordinate"]
    if codes.shape[1] > 2:
        centre, directions, shares = principal_plane(codes)
        codes, law = (codes - centre) @ directions, (law - centre) @ directions
        names = [
            f"principal component {i} ({share:.0%} of the variance)"
            for i, share in enumerate(shares.tolist(), start=1)
        ]
    axes.scatter(*law.T, s=_SIZE, c=_GREY, linewidths=0)
    _draw_codes(figure, axes, codes, labels)
    axes.set(xlabel=names[0], ylabel=names[1])
    axes.set_aspect("equal", adjustable="datalim")
    return figure


def principal_plane(
    codes: Float[Tensor, "n d"],
) -> tuple[Float[Tensor, " d"], Float[Tensor, "d 2"], Float[Tensor, " 2"]]:
    """Returns the codes' mean, the two orthonormal directions of largest variance, their shares.

    A direction's largest entry is positive: the picture must not turn over between two epochs.

    Args:
        codes: at least one, in at least two dimensions.
    """
    centre = codes.mean(0)
    centred = (codes - centre).double()
    variances, vectors = torch.linalg.eigh(centred.T @ centred / len(codes))
    directions = vectors[:, -2:].flip(1)
    largest = directions.gather(0, directions.abs().argmax(0, keepdim=True))
    directions = directions * torch.where(largest < 0, -1.0, 1.0)
    shares = variances[-2:].flip(0) / variances.sum().clamp(min=torch.finfo(torch.float64).tiny)
    return centre, directions.to(codes), shares


def _draw_codes(
    figure: Figure, axes: Axes, codes: Float[Tensor, "n 2"], labels: Tensor | None
) -> None:
    law = Patch(color=_GREY, label="law")
    if labels is None:
        axes.scatter(*codes.T, s=_SIZE, linewidths=0)
        axes.legend(handles=[law], loc="upper right")
    elif labels.is_floating_point() or len(labels.unique()) > _MOST_CLASSES:
        figure.colorbar(axes.scatter(*codes.T, s=_SIZE, linewidths=0, c=labels), label="label")
        axes.legend(handles=[law], loc="upper right")
    else:
        # beside the codes: a legend of twenty classes would hide some
        classes = _draw_classes(axes, codes, labels.long())
        figure.legend(handles=[law, *classes], loc="outside right upper", fontsize=9)


def _draw_classes(axes: Axes, codes: Float[Tensor, "n 2"], labels: Tensor) -> list[Patch]:
    """Returns the legend's entries; small numbers keep their colour whichever are present."""
    classes, order = labels.unique(return_inverse=True)
    is_small = int(classes.min()) >= 0 and int(classes.max()) < _MOST_CLASSES
    index = labels if is_small else order
    num_colours = 10 if int(index.max()) < 10 else _MOST_CLASSES
    points = axes.scatter(*codes.T, s=_SIZE, linewidths=0, c=index, cmap=f"tab{num_colours}")
    points.set_clim(-0.5, num_colours - 0.5)
    return [
        Patch(color=points.to_rgba(int(index[labels == c][0])), label=str(c))
        for c in classes.tolist()
    ]


def _histogram(axes: Axes, codes: Float[Tensor, " n"], law: Float[Tensor, " m"]) -> None:
    num_bins = min(max(round(len(codes) ** 0.5), 5), 40)
    bins = torch.histogram(torch.cat([codes, law]).double(), num_bins).bin_edges
    axes.hist(law.numpy(), bins.numpy(), density=True, color=_GREY, label="law")
    axes.hist(codes.numpy(), bins.numpy(), density=True, histtype="step", lw=2, label="codes")
    axes.set(xlabel="code", ylabel="density")
    axes.legend()
