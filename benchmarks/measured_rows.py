"""Tables of metrics with their spread: one JSON file per model, and a page of all of them."""

import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final

__all__ = ["MeasuredRow", "MeasuredTable", "read", "write_page"]

Values = dict[str, float]


@final
@dataclass(frozen=True)
class MeasuredRow:
    """The metrics of one setting, over its repetitions.

    Args:
        setting: the cells that describe it, by the names of their columns.
        repetitions: all metrics of each repetition, at least one.
    """

    setting: dict[str, str | int]
    repetitions: list[Values]

    def cells(self) -> Iterator[str]:
        """Yields the setting, the number of repetitions, and means with standard errors."""
        yield from map(str, self.setting.values())
        yield str(len(self.repetitions))
        for metric in self.repetitions[0]:
            yield cell([values[metric] for values in self.repetitions])


@final
@dataclass(frozen=True)
class MeasuredTable:
    """The rows of one model.

    Args:
        name: of the model and of the file.
        description: one or two sentences.
        rows: with the same columns, at least one.
    """

    name: str
    description: str
    rows: list[MeasuredRow]

    def save(self, folder: Path) -> None:
        """Writes folder/<name>.json."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.name}.json").write_text(json.dumps(asdict(self), indent=1) + "\n")

    def lines(self) -> Iterator[str]:
        """Yields the section of the page."""
        columns = [*self.rows[0].setting, "repetitions", *self.rows[0].repetitions[0]]
        yield f"\n## {self.name}\n\n{self.description}\n"
        yield f"| {' | '.join(columns)} |"
        yield "|" + "---|" * len(columns)
        for row in self.rows:
            yield f"| {' | '.join(row.cells())} |"


def cell(values: Sequence[float]) -> str:
    """Returns the mean in three digits and its standard error in one."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.3g}"
    return f"{mean:.3g} ± {statistics.stdev(values) / len(values) ** 0.5:.1g}"


def read(path: Path) -> MeasuredTable:
    """Returns the table of a file of `MeasuredTable.save`."""
    content = json.loads(path.read_text())
    content["rows"] = [MeasuredRow(**row) for row in content["rows"]]
    return MeasuredTable(**content)


def write_page(folder: Path, introduction: str) -> None:
    """Writes <folder>.md with the tables of all models in the folder."""
    tables = [read(path) for path in sorted(folder.glob("*.json"))]
    text = [line for table in tables for line in table.lines()]
    folder.with_suffix(".md").write_text(introduction + "\n".join(text) + "\n")
