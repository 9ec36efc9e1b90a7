"""Means, standard errors and files of tables."""

from pathlib import Path

from benchmarks.measured_rows import MeasuredRow, MeasuredTable, read, write_page


def table(name: str) -> MeasuredTable:
    row = MeasuredRow({"latents": "i.i.d.", "at once": 4}, [{"x": 1.0}, {"x": 2.0}, {"x": 6.0}])
    single = MeasuredRow({"latents": "others", "at once": 1}, [{"x": 0.5}])
    return MeasuredTable(name, "Ten epochs.", [row, single])


def test_cells_are_mean_and_standard_error() -> None:
    # the variance is 7
    assert list(table("a").rows[0].cells()) == ["i.i.d.", "4", "3", "3 ± 2"]
    assert list(table("a").rows[1].cells()) == ["others", "1", "1", "0.5"]


def test_a_saved_table_is_read_back(tmp_path: Path) -> None:
    table("a").save(tmp_path / "new")
    assert read(tmp_path / "new" / "a.json") == table("a")


def test_the_page_holds_all_tables_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    for name in ("b", "a"):
        table(name).save(folder)
    write_page(folder, "# Title\n")
    lines = (tmp_path / "results.md").read_text().splitlines()
    assert lines[0] == "# Title"
    assert [line for line in lines if line.startswith("## ")] == ["## a", "## b"]
    assert lines.count("| latents | at once | repetitions | x |") == 2
    assert lines.count("| i.i.d. | 4 | 3 | 3 ± 2 |") == 2
