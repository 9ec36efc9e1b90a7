"""Checks of arguments that several laws take."""

__all__ = ["checked_dim"]


def checked_dim(dim: int) -> int:
    """Returns `dim`, a number of coordinates, if it is at least 1."""
    if dim < 1:
        raise ValueError(f"`dim` must be at least 1, got {dim}.")
    return dim
