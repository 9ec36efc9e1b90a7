"""Range checks for the constructor arguments of callbacks."""

__all__ = ["check_at_least"]


def check_at_least(minimum: int, **arguments: int) -> None:
    """Raises ValueError that names the first argument below a minimum."""
    for name, value in arguments.items():
        if value < minimum:
            raise ValueError(f"`{name}` must be at least {minimum}, got {value}.")
