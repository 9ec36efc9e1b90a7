"""Boston Housing: the real file where it is available, missing files and other tables."""

import os
from pathlib import Path

import pytest
import torch

from datamodules import BostonHousing, DataError
from tests.datamodules.table_files import BOSTON_COLUMNS, write_boston

REAL = Path(os.environ.get("HAWC_DATA", "data"))
needs_file = pytest.mark.skipif(
    not (REAL / "BostonHousing" / "housing.csv").is_file(), reason="no Boston Housing in HAWC_DATA"
)


@needs_file
def test_real_file() -> None:
    data = BostonHousing(data_dir=str(REAL), batch_size=1, num_test=0, num_validation=0)
    data.setup("fit")
    rows, prices = (torch.cat(parts) for parts in zip(*data.train_dataloader(), strict=True))
    assert rows.shape == (506, 13)
    # published means of the data: rooms, distance, and the price in 1,000 dollars
    means = dict(zip(data.column_names, data.unstandardize(rows).mean(0).tolist(), strict=True))
    assert means["RM"] == pytest.approx(6.2846, abs=1e-3)
    assert means["DIS"] == pytest.approx(3.7950, abs=1e-3)
    assert prices.mean().item() == pytest.approx(22.533, abs=1e-3)


def test_price_is_the_label_and_no_feature(tmp_path: Path) -> None:
    write_boston(tmp_path)
    data = BostonHousing(data_dir=str(tmp_path), batch_size=4)
    assert data.image_shape == (13,)
    assert ",".join((*data.column_names, data.target)) == BOSTON_COLUMNS


def test_column_b_is_left_out(tmp_path: Path) -> None:
    write_boston(tmp_path)
    data = BostonHousing(data_dir=str(tmp_path), batch_size=4, leave_out=["B"])
    data.setup("fit")
    assert "B" not in data.column_names
    assert next(iter(data.train_dataloader()))[0].shape == (4, 12)


def test_folder_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAWC_DATA", str(tmp_path))
    write_boston(tmp_path)
    assert BostonHousing().image_shape == (13,)


def test_missing_file(tmp_path: Path) -> None:
    message = (
        r"housing.csv' does not exist .* first line CRIM,.*,MEDV, or .* --data.data_dir or HAW"
    )
    with pytest.raises(DataError, match=message):
        _ = BostonHousing(data_dir=str(tmp_path)).image_shape


def test_another_table(tmp_path: Path) -> None:
    write_boston(tmp_path, first_line=BOSTON_COLUMNS.lower())
    message = "must have the first line CRIM,.*, got crim,zn,.*; use CSVTable for another table"
    with pytest.raises(DataError, match=message):
        _ = BostonHousing(data_dir=str(tmp_path)).image_shape
