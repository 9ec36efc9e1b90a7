"""Checks of rows and notes that come from a file."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jaxtyping import Float
from torch import Tensor

from hawc.arguments import check_text
from hawc.history.annotation import Note, checked_metadata, checked_seeds, checked_tags

__all__ = ["check_rows", "checked_log", "checked_notes"]


def check_rows(
    points: Float[Tensor, "n d"], num_features: int, forgotten: set[int] | None = None
) -> None:
    """Raise ValueError for a row that is NaN in other places than a history's may be.

    A row is finite, or NaN as a whole if it is forgotten. The latent of a row with features may be
    NaN as a whole.

    Args:
        points: the rows.
        num_features: how many coordinates, the last ones, are features.
        forgotten: positions of the rows that are NaN as a whole; any if None.
    """
    finite = points.isfinite()
    if finite.all() and not forgotten:
        return
    whole = points.isnan().all(dim=1)
    width = points.shape[1] - num_features
    alone = points[:, :width].isnan().all(dim=1) & finite[:, width:].all(dim=1)
    known = finite.all(dim=1) | whole | (alone & (num_features > 0))
    is_named = forgotten is None or {*whole.nonzero().flatten().tolist()} == forgotten
    if not known.all() or not is_named:
        raise ValueError(
            "`points` must be finite but for forgotten rows and absent latents, got NaN or "
            "infinity in others."
        )


def checked_notes(notes: object, length: int) -> dict[int, Note]:
    """Returns notes by the position of their rows, as JSON gives them.

    Args:
        notes: by position, which may be text.
        length: number of rows.

    Raises:
        ValueError: if a position or a note is not one of a history.
    """
    return {position: _checked(note) for position, note in _by_position(notes, length)}


def checked_log(notes: object, length: int) -> dict[int, list[Note]]:
    """Returns lists of notes by position, as the state of a history in memory has them.

    Raises:
        ValueError: as `checked_notes`.
    """
    log = {}
    for position, said in _by_position(notes, length):
        if not isinstance(said, list):
            raise ValueError("`notes` must be a list for each row, got something else.")
        log[position] = [_checked(note) for note in said]
    return log


def _by_position(notes: object, length: int) -> Iterator[tuple[int, object]]:
    if not isinstance(notes, Mapping):
        raise ValueError(f"`notes` must be given by row, got a {type(notes).__name__}.")
    for key, note in notes.items():
        is_text = isinstance(key, str) and key.isdecimal() and len(key) < 20
        position = int(key) if is_text or isinstance(key, int) else -1
        if not 0 <= position < length:
            raise ValueError(f"`notes` must be of the {length} rows, got one of another row.")
        yield position, note


def _checked(note: object) -> Note:
    """Returns a copy of a note.

    Raises:
        ValueError: if it says anything else than a note does.
    """
    if not isinstance(note, Mapping) or not note.keys() <= _CHECKS.keys():
        raise ValueError(f"`notes` must say {', '.join(_CHECKS)} alone, got something else.")
    try:
        return {key: _CHECKS[key](value) for key, value in note.items()}
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"`notes` must have values of their kind for {', '.join(note)}, got another."
        ) from error


def _checked_seed(seed: Any) -> int | None:
    return checked_seeds([seed], 1)[0]


def _checked_name(name: Any) -> Any:
    check_text(generator_name=name)
    return name


def _checked_labels(tags: Any) -> list[str]:
    if not isinstance(tags, list | tuple):
        raise ValueError("`tags` must be a list.")
    return checked_tags(tags)


def _checked_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("`forgotten` must be true or false.")
    return value


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "seed": _checked_seed,
    "generator": _checked_name,
    "metadata": lambda value: checked_metadata([value], 1)[0],
    "tags": _checked_labels,
    "untag": _checked_labels,
    "forgotten": _checked_flag,
}
