"""Shape annotations, without effect where jaxtyping is not installed.

The files of a network can therefore be copied beside an exported generator and need torch alone.
"""

from typing import Any

__all__ = ["Float", "Num"]

try:
    from jaxtyping import Float, Num
except ModuleNotFoundError:

    class Float:  # type: ignore[no-redef]
        """Stands for tensors of any shape."""

        def __class_getitem__(cls, annotation: tuple[Any, str]) -> Any:
            return annotation[0]

    Num = Float  # type: ignore[misc,assignment]
