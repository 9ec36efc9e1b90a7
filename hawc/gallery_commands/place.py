"""The store, gallery and condition of a command; errors name the nearest ones."""

from collections.abc import Iterable

from hawc.history import Gallery, GalleryRecord, galleries
from hawc.history.storage.nearest import first_difference, nearest
from hawc.history.storage.store import Store
from hawc.printable import shortened

__all__ = ["named_condition", "named_gallery", "quoted", "records_of"]

_SHOWN = 60  # characters of a name in a message
_MOST = 5  # names in a message


def records_of(url: str) -> list[GalleryRecord]:
    """Returns the records of a store's galleries and conditions.

    Raises:
        ValueError: if the store does not exist.
        HistoryStoreError: if it cannot be read.
    """
    store = Store(url)
    if store.is_missing_file:
        similar = nearest(store.file_name, store.neighbors(), 1, 0.6)
        advice = f" did you mean {quoted(similar[0])}?" if similar else " no such file."
        raise ValueError(f"`URL` must name a store that exists, got {store};{advice}")
    return galleries(url)


def named_gallery(url: str, name: str | None) -> Gallery:
    """Returns a gallery that exists.

    Args:
        url: of its store, or the path of a SQLite file.
        name: of the gallery; if None, "default", or the only one of the store.

    Raises:
        ValueError: if it does not exist, or several do and none is named.
        HistoryStoreError: if the store cannot be read.
    """
    names = list(dict.fromkeys(record.name for record in records_of(url)))
    if not names:
        raise ValueError("`URL` must name a store with galleries, got one that holds none.")
    if name is None:
        name = "default" if "default" in names else names[0]
        if name != "default" and len(names) > 1:
            raise ValueError(f"`--gallery` must name a gallery, got none;{_choice(names)}")
    if name not in names:
        raise ValueError(
            f"`--gallery` must name a gallery of the store, got {quoted(name)};"
            f"{_nearest(name, names)}"
        )
    return Gallery(url, name)


def named_condition(gallery: Gallery, condition: str | None) -> str:
    """Returns a condition that the gallery has; if None, the only one.

    Raises:
        ValueError: if the gallery lacks it, or has several and none is named.
    """
    known = list(gallery.conditions())
    if condition is None:
        if len(known) != 1:
            raise ValueError(f"`--condition` must name a condition, got none;{_choice(known)}")
        return known[0]
    if condition not in known:
        raise ValueError(
            f"`--condition` must name a condition of the gallery, got {quoted(condition)};"
            f"{_nearest(condition, known)}"
        )
    return condition


def quoted(text: str) -> str:
    """Returns the beginning of a name in quotes."""
    return f'"{shortened(text, _SHOWN)}"'


def _nearest(word: str, known: Iterable[str]) -> str:
    similar = nearest(word, known, 1, 0.6)
    if not similar:
        return _choice(known)
    place = first_difference(word, similar[0])
    if place < _SHOWN // 2:
        return f" did you mean {quoted(similar[0])}?"
    return f" the nearest one differs from character {place}: {quoted(similar[0][place:])}."


def _choice(known: Iterable[str]) -> str:
    names = list(known)
    shown = ", ".join(quoted(name) for name in names[:_MOST])
    rest = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return f" there {'is' if len(names) == 1 else 'are'} {shown}{rest}."
