"""A job that was put back in the queue goes on in the folder, and the W&B run, that it had."""

import csv
from pathlib import Path

from lightning.pytorch.loggers import CSVLogger

__all__ = ["continue_metrics", "wandb_run_id"]


def wandb_run_id(run_folder: Path) -> str | None:
    """Returns the id of the W&B run whose files a run folder holds, None if there is none."""
    found = sorted((run_folder / "wandb").glob("*run-*-*"))
    # [offline-]run-<date>_<time>-<id>, and an id that the user chose may hold "-" itself
    return found[-1].name.partition("run-")[2].partition("-")[2] if found else None


def continue_metrics(logger: CSVLogger) -> None:
    """Lets a logger write on in the metrics.csv that it finds, which it would remove."""
    file = Path(logger.log_dir) / "metrics.csv"
    kept = file.with_suffix(".kept")
    if kept.exists():  # an earlier start was killed here
        kept.replace(file)
    if not file.exists():
        return
    _cut_unfinished_line(file)
    file.rename(kept)
    writer = logger.experiment
    kept.rename(file)
    with file.open(newline="") as lines:
        writer.metrics_keys = next(csv.reader(lines), [])


def _cut_unfinished_line(file: Path) -> None:
    """Takes away what a process that was killed has not written to its end."""
    content = file.read_bytes()
    with file.open("r+b") as lines:
        lines.truncate(content.rfind(b"\n") + 1)
