"""All tables: standardisation by the training rows alone and its inverse, splits, refusals."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datamodules import CSVTable, DataError
from tests.datamodules.table_files import write_table


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(write_table(tmp_path / "table.csv"))


def rows_of(data: CSVTable, split: str) -> torch.Tensor:
    data.setup("test" if split == "test" else "fit")
    loader = {"train": data.train_dataloader, "val": data.val_dataloader}.get(split)
    return torch.cat([rows for rows, _ in (loader or data.test_dataloader)()])


def test_training_rows_have_mean_0_and_standard_deviation_1(file: str) -> None:
    rows = rows_of(CSVTable(file, batch_size=3), "train")
    assert rows.dtype == torch.float32
    assert rows.shape == (33, 3)
    # float32 has seven digits
    assert rows.mean(0) == pytest.approx(torch.zeros(3), abs=1e-6)
    assert rows.std(0, correction=0) == pytest.approx(torch.ones(3), abs=1e-6)


def test_every_row_is_in_one_split_and_restored_exactly(file: str) -> None:
    data = CSVTable(file, batch_size=3)
    splits = {name: rows_of(data, name) for name in ("train", "val", "test")}
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 33, "val": 3, "test": 4}
    back = data.unstandardize(torch.cat(list(splits.values())))
    expected = torch.tensor([[i, i * i, 1000 - i] for i in range(40)], dtype=torch.float64)
    assert torch.equal(back[back[:, 0].argsort()], expected)


def test_held_out_rows_do_not_change_the_scale(tmp_path: Path) -> None:
    file = write_table(tmp_path / "table.csv")
    data = CSVTable(str(file), batch_size=3)
    held_out = data.unstandardize(torch.cat([rows_of(data, "val"), rows_of(data, "test")]))
    train = rows_of(data, "train").sort(0).values
    lines = file.read_text().splitlines()
    for i in held_out[:, 0].round().int().tolist():
        lines[1 + i] = f"{i + 7e6},{-i},3e7"
    file.write_text("\n".join(lines))
    assert torch.equal(rows_of(CSVTable(str(file), batch_size=3), "train").sort(0).values, train)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    columns=st.integers(1, 3),
    values=st.lists(st.floats(-1e6, 1e6, width=32), min_size=6, max_size=60, unique=True),
)
def test_unstandardize_inverts_standardize(
    tmp_path: Path, columns: int, values: list[float]
) -> None:
    n = len(values) // columns
    table = torch.tensor(values[: n * columns], dtype=torch.float64).reshape(n, columns)
    file = tmp_path / "table.csv"
    names = ["a", "b", "c"][:columns]
    file.write_text("\n".join([",".join(names), *(",".join(map(repr, r)) for r in table.tolist())]))
    data = CSVTable(str(file), num_validation=0, num_test=0)
    there = data.standardize(table)
    # one rounding each of a difference, a quotient, a product and a sum of numbers up to 1e6
    assert torch.allclose(data.unstandardize(there), table, rtol=0, atol=1e-8)
    assert torch.allclose(data.standardize(data.unstandardize(there)), there, rtol=1e-6, atol=1e-6)
    assert data.unstandardize(there[0]).shape == (columns,)


def test_labels_are_the_target_in_its_units(file: str) -> None:
    data = CSVTable(file, target="b", batch_size=4)
    data.setup("fit")
    assert data.column_names == ("a", "c")
    rows, labels = next(iter(data.train_dataloader()))
    assert labels.dtype == torch.float64
    assert torch.equal(data.unstandardize(rows)[:, 0].square(), labels)


# beside whole numbers above 2^24: a large offset with a small spread, decimals, numbers below 0
EXACT = [
    [20230115, 20230116, 20230117, 20230131, 20231224],
    [9007199254740985, 9007199254740986, 9007199254740987, 9007199254740989, 9007199254740991],
    [1234567.89, 1234567.9, 1234568.26, 1234569.37, 1234601.5],
    [-1600000007.0, -1600000003.0, -1600000001.75, -1600000000.5, -1600000000.25],
]


@pytest.mark.parametrize("column", EXACT, ids=["dates", "near 2^53", "prices", "negative"])
def test_large_numbers_are_restored_exactly(tmp_path: Path, column: list[float]) -> None:
    file = tmp_path / "table.csv"
    file.write_text("a,b\n" + "".join(f"{x!r},{x!r}\n" for x in column))
    data = CSVTable(str(file), target="b", num_test=0, num_validation=0, batch_size=5)
    data.setup("fit")
    ((rows, labels),) = data.train_dataloader()
    expected = torch.tensor(column, dtype=torch.float64)
    assert torch.equal(labels.sort().values, expected)
    assert torch.equal(data.unstandardize(rows)[:, 0], labels)
    assert rows.dtype == torch.float32
    # one rounding to float32 each, of numbers whose mean is 0 and whose square's mean is 1
    assert rows.double().mean() == pytest.approx(0, abs=1e-6)
    assert rows.double().square().mean() == pytest.approx(1, abs=1e-6)


def test_values_between_those_of_the_file_are_not_rounded(file: str) -> None:
    data = CSVTable(file, num_test=0, num_validation=0)
    between = torch.tensor([[1.5, 2.25, 997.125]], dtype=torch.float64)
    rows = data.standardize(between).float()
    assert torch.allclose(data.unstandardize(rows), between, rtol=0, atol=1e-4)
    assert not torch.equal(data.unstandardize(rows), data.unstandardize(rows).round())


@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.float64])
def test_values_of_any_type(file: str, dtype: torch.dtype) -> None:
    data = CSVTable(file, num_test=0, num_validation=0)
    values = torch.tensor([[3, 9, 997]], dtype=dtype)
    rows = data.standardize(values)
    assert rows.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert torch.equal(data.unstandardize(rows), values.double())


@pytest.mark.parametrize(("device", "expected"), [("cpu", torch.float64), ("mps", torch.float32)])
def test_labels_on_devices_without_float64(file: str, device: str, expected: torch.dtype) -> None:
    data = CSVTable(file)
    batch = [torch.zeros(2, 3), torch.zeros(2, dtype=torch.float64)]
    assert data.on_before_batch_transfer(batch, 0)[1].dtype == torch.float64  # without a trainer
    strategy = SimpleNamespace(root_device=torch.device(device))
    data.trainer = SimpleNamespace(strategy=strategy)
    rows, labels = data.on_before_batch_transfer(batch, 0)
    assert rows.dtype == torch.float32
    assert labels.dtype == expected


def test_labels_without_a_target(file: str) -> None:
    data = CSVTable(file, batch_size=4)
    data.setup("fit")
    assert next(iter(data.train_dataloader()))[1].tolist() == [0] * 4


def test_columns_are_left_out(file: str) -> None:
    data = CSVTable(file, leave_out=["b"], batch_size=3)
    assert data.column_names == ("a", "c")
    assert data.image_shape == (2,)
    assert rows_of(data, "train").shape == (33, 2)


def test_the_shape_needs_the_first_line_only(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\nnot,numbers\n")
    assert CSVTable(str(tmp_path / "table.csv")).image_shape == (2,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"leave_out": ["d"]}, r"`leave_out` must name columns of .*, got 'd'; it has a, b, c"),
        ({"target": "d"}, r"`target` must name columns of .*, got 'd'; it has a, b, c"),
        (
            {"leave_out": ["a", "b"], "target": "c"},
            "`leave_out` and `target` must leave columns of .* to be features, got all 3",
        ),
        ({"num_test": 40}, "`num_test` must be less than the 40 examples there are, got 40"),
        ({"num_validation": 36}, "`num_validation` must be less than the 36 examples there are"),
        ({"batch_size": 34}, "`batch_size` must be at most 33, the number of training rows of CSV"),
    ],
)
def test_refusals(file: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        CSVTable(file, **arguments).setup("fit")


def test_nothing_to_test(file: str) -> None:
    with pytest.raises(DataError, match=r"needs a test row, got 0 in all; .* more test rows"):
        CSVTable(file, num_test=0).setup("test")


def test_a_constant_column(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("a,b\n" + "".join(f"{i},0.1\n" for i in range(30)))
    message = r"column b of '.*table.csv' is 0.1 in all 25 training rows and cannot be stand"
    with pytest.raises(DataError, match=message):
        CSVTable(str(file)).setup("fit")
    data = CSVTable(str(file), leave_out=["b"], batch_size=5)
    assert rows_of(data, "train").shape == (25, 1)


@pytest.mark.parametrize("name", ["num_test", "num_validation"])
def test_negative_numbers(file: str, name: str) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be at least 0, got -1"):
        CSVTable(file, **{name: -1})
