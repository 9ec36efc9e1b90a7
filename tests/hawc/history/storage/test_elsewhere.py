"""Features under the other conditions of a gallery: complete, read once, none forgotten."""

import torch
from sqlalchemy import Engine, event

from hawc.history import DatabaseHistory, MemoryHistory
from hawc.samplers import Features, LatentsWithFeatures
from hawc.targets import StandardNormal

ROWS = LatentsWithFeatures(StandardNormal(1), Features(2))


def opened(url: str, condition: str, gallery: str = "default") -> DatabaseHistory:
    return DatabaseHistory(url, ROWS, condition=condition, gallery=gallery, create=True)


def row(number: float) -> torch.Tensor:
    return torch.tensor([[-1.0, number, number]])


def numbers(history: DatabaseHistory) -> list[float]:
    return sorted(history.features_elsewhere()[:, 0].tolist())


def test_sees_the_rows_of_all_other_conditions(url: str) -> None:
    cat, dog = opened(url, "cat"), opened(url, "dog")
    assert cat.features_elsewhere().shape == (0, 2)
    dog.append(row(1), expected_length=0)
    cat.append(row(9), expected_length=0)
    opened(url, "cow").add(torch.full((2, 2), 2.0))
    opened(url, "sun", "other gallery").append(row(8), expected_length=0)
    assert numbers(cat) == [1, 2, 2]
    dog.append(torch.cat([row(3), row(4)]), expected_length=1)
    assert numbers(cat) == [1, 2, 2, 3, 4]
    assert numbers(opened(url, "dog")) == [2, 2, 9]
    assert cat.features_elsewhere().shape == (5, 2)


def test_leaves_out_what_was_forgotten(url: str) -> None:
    cat, dog, cow = (opened(url, name) for name in ("cat", "dog", "cow"))
    for number in range(6):
        dog.append(row(number), expected_length=number)
    cow.add(torch.full((1, 2), 7.0))
    before = cat.features_elsewhere()
    dog.forget([0, 4])
    dog.annotate(1, {"forgotten": True})
    assert numbers(cat) == [1, 2, 3, 5, 7]
    assert not before.isnan().any()
    cow.forget(0)
    dog.append(row(8), expected_length=6)
    assert numbers(cat) == numbers(opened(url, "new")) == [1, 2, 3, 5, 8]


def test_other_numbers_of_features_do_not_count(url: str) -> None:
    cat = opened(url, "cat")
    wide = DatabaseHistory(url, Features(3), condition="wide", create=True)
    wide.add(torch.ones(1, 3))
    points = DatabaseHistory(url, StandardNormal(2), condition="points", create=True)
    points.append(torch.ones(1, 2), expected_length=0)
    assert len(cat.features_elsewhere()) == 0
    assert len(points.features_elsewhere()) == len(wide.features_elsewhere()) == 0
    assert len(MemoryHistory(2).features_elsewhere()) == 0


def test_reads_each_batch_once(url: str) -> None:
    cat, dog = opened(url, "cat"), opened(url, "dog")
    dog.append(row(1), expected_length=0)
    cat.features_elsewhere()
    statements: list[str] = []

    def listen(_c: object, _d: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        cat.features_elsewhere()
    finally:
        event.remove(Engine, "before_cursor_execute", listen)
    assert not [s for s in statements if "hawc_batches.points" in s]
