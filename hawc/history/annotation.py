"""What the notes of one row say together: seed, metadata, tags, forgetting."""

import json
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, final

from hawc.arguments import check_text, described

__all__ = [
    "Annotation",
    "Note",
    "check_note",
    "checked_metadata",
    "checked_seeds",
    "checked_tags",
    "row_notes",
]

Note = dict[str, Any]
"""What one note says: some of seed, generator, metadata, tags, untag, forgotten."""

_NOTE_KINDS: dict[str, type] = {
    "seed": int,
    "generator": str,
    "metadata": dict,
    "tags": list,
    "untag": list,
    "forgotten": bool,
}


@final
@dataclass
class Annotation:
    """The sum of a row's notes; later ones replace or extend earlier ones."""

    seed: int | None = None
    generator_name: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    is_forgotten: bool = False

    @classmethod
    def of(cls, *notes: Note) -> "Annotation":
        """Returns what notes say together, the first one first.

        Raises:
            ValueError: if one is not a note.
        """
        annotation, tags = cls(), dict[str, None]()
        for note in notes:
            annotation._add(note, tags)
        annotation.tags = tuple(tags)
        return annotation

    def add(self, note: Note) -> None:
        """Apply a later note.

        Raises:
            ValueError: if it is not a note.
        """
        tags = dict.fromkeys(self.tags)
        self.metadata = dict(self.metadata)
        self._add(note, tags)
        self.tags = tuple(tags)

    def _add(self, note: Note, tags: dict[str, None]) -> None:
        check_note(note)
        self.seed = note.get("seed", self.seed)
        self.generator_name = note.get("generator", self.generator_name)
        self.metadata.update(note.get("metadata", {}))
        tags.update(dict.fromkeys(note.get("tags", ())))
        for tag in note.get("untag", ()):
            tags.pop(tag, None)
        self.is_forgotten = self.is_forgotten or note.get("forgotten", False)

    def note(self) -> Note:
        """Returns one note that says all of this but forgetting; {} if there is nothing."""
        return note_of(self.seed, self.generator_name, self.metadata, self.tags)


def check_note(note: object) -> None:
    """Raise ValueError unless a value, which may be of a stranger's file, is a note."""
    if not isinstance(note, dict):
        raise ValueError(f"a note must be a JSON object, got {type(note).__name__}.")
    for name, kind in _NOTE_KINDS.items():
        if name in note and type(note[name]) is not kind:
            given = type(note[name]).__name__
            raise ValueError(f"`{name}` of a note must be {kind.__name__}, got {given}.")
    if not all(isinstance(tag, str) for name in ("tags", "untag") for tag in note.get(name, ())):
        raise ValueError("the tags of a note must be texts, got other values.")


def note_of(
    seed: int | None = None,
    generator_name: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    tags: Iterable[str] = (),
) -> Note:
    """Returns one note that says all of this; {} if there is nothing to say."""
    note = {"seed": seed, "generator": generator_name, "metadata": metadata or {}, "tags": [*tags]}
    return {key: value for key, value in note.items() if value not in (None, {}, [])}


def checked_metadata(metadata: object, count: int) -> list[dict[str, Any]]:
    """Returns one JSON object per row, of a list of them or of one for all rows.

    Raises:
        ValueError: if there is another number of them, or JSON cannot express one.
    """
    if metadata is None:
        return [{}] * count
    if isinstance(metadata, Mapping):
        return [_json_object(metadata)] * count
    rows = list(metadata) if isinstance(metadata, Iterable) else None
    if rows is None or isinstance(metadata, str) or len(rows) != count:
        given = type(metadata).__name__ if rows is None or isinstance(metadata, str) else len(rows)
        raise ValueError(
            f"`metadata` must be one dict for all rows or a list of one dict per row, {count} in "
            f"all, got {given}."
        )
    return [_json_object(row) for row in rows]


def _json_object(value: object) -> dict[str, Any]:
    """Returns the object as JSON gives it back."""
    if not (isinstance(value, Mapping) and all(isinstance(key, str) for key in value)):
        raise ValueError(
            f"`metadata` must be a dict with str keys for each row, got {type(value).__name__}"
            f"{' with other keys' if isinstance(value, Mapping) else ''}."
        )
    try:
        copied: dict[str, Any] = json.loads(json.dumps(dict(value), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"`metadata` must be JSON, got a value that is not ({error}); use text, finite "
            "numbers, lists and dicts."
        ) from error
    return copied


def checked_seeds(seeds: object, count: int) -> list[int | None]:
    """Returns one seed per row, or None for each row.

    Raises:
        ValueError: if they are not one whole number per row.
    """
    if seeds is None:
        return [None] * count
    given: list[Any] = list(seeds) if isinstance(seeds, Iterable) else [seeds]
    try:
        numbers = [operator.index(seed) for seed in given if not isinstance(seed, bool)]
    except TypeError:
        numbers = []
    if len(numbers) != count:
        raise ValueError(
            f"`seeds` must be one whole number per row, {count} in all, got {described(seeds)}."
        )
    return [*numbers]


def checked_tags(tags: object) -> list[str]:
    """Returns the tags without repeats.

    Raises:
        ValueError: if one is not text or empty.
    """
    given: list[Any] = (
        list(tags) if isinstance(tags, Iterable) and not isinstance(tags, str) else [tags]
    )
    if not all(isinstance(tag, str) and tag for tag in given):
        raise ValueError(f"`tags` must be texts that are not empty, got {given!r}.")
    return list(dict.fromkeys(given))


def row_notes(
    count: int,
    *,
    metadata: object = None,
    seeds: object = None,
    tags: object = (),
    generator_name: str | None = None,
) -> list[Note]:
    """Returns the first note of each new row; {} for a row of which nothing is said.

    Raises:
        ValueError: if an argument does not fit `count` rows or JSON.
    """
    check_text(generator_name=generator_name)
    labels, notes = checked_tags(tags), []
    for seed, data in zip(
        checked_seeds(seeds, count), checked_metadata(metadata, count), strict=True
    ):
        notes.append(note_of(seed, generator_name, data, labels))
    return notes
