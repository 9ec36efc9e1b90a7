"""What several callbacks ask of their arguments."""

__all__ = ["check_at_least"]


def check_at_least(least: int, **numbers: int) -> None:
    """Raises ValueError, naming the argument, for the first number below the least allowed."""
    for name, value in numbers.items():
        if value < least:
            raise ValueError(f"`{name}` must be at least {least}, got {value}.")
