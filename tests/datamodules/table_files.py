"""Small CSV files."""

from pathlib import Path

import numpy as np

BOSTON_COLUMNS = "CRIM,ZN,INDUS,CHAS,NOX,RM,AGE,DIS,RAD,TAX,PTRATIO,B,LSTAT,MEDV"


def write_boston(data_dir: Path, n: int = 30, first_line: str = BOSTON_COLUMNS) -> Path:
    """Writes a file with the columns of Boston Housing and random numbers."""
    file = data_dir / "BostonHousing" / "housing.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = np.random.default_rng(0).normal(5.0, 2.0, (n, 14)).round(3)
    lines = [first_line, *(",".join(map(str, row)) for row in rows)]
    file.write_text("\n".join(lines) + "\n")
    return file


def write_table(file: Path, n: int = 40) -> Path:
    """Writes columns a, b and c: the numbers from 0, their squares and a thousand minus them."""
    lines = ["a,b,c", *(f"{i},{i * i},{1000 - i}" for i in range(n))]
    file.write_text("\n".join(lines) + "\n")
    return file
