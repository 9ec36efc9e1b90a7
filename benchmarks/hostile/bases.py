"""Honest files: a small trained model, its samples, a gallery, an archive and a table."""

import json
import os
import sqlite3
import sys
from contextlib import chdir, closing
from pathlib import Path
from typing import Any

import torch
import yaml

import train
from hawc import DatabaseHistory, StandardNormal
from hawc.history import export_history

__all__ = ["CHECKPOINT", "COLUMNS", "CONFIG", "make_bases"]

CHECKPOINT = "run/checkpoints/last.ckpt"
COLUMNS = 2
CONFIG: dict[str, Any] = {
    "seed_everything": 7,
    "model": {
        "class_path": "EnergyVAE",
        "init_args": {
            "latent_dim": 2,
            "encoder": {"class_path": "networks.MLPEncoder", "init_args": {"widths": [4]}},
            "decoder": {"class_path": "networks.MLPDecoder", "init_args": {"widths": [4]}},
            "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 1e-3}},
        },
    },
    "data": {"class_path": "CSVTable", "init_args": {"path": "table.csv", "batch_size": 8}},
    "trainer": {
        **{"accelerator": "cpu", "max_epochs": 1, "limit_train_batches": 2, "logger": False},
        **{"limit_val_batches": 1, "enable_progress_bar": False, "enable_model_summary": False},
        "callbacks": [{"class_path": "HistoryAwareSampling", "init_args": {"num_samples": 4}}],
    },
}


def make_bases(folder: Path) -> None:
    """Writes the files to a new folder.

    - config.yaml and table.csv: of a training of two steps; `run` is its folder.
    - gallery.db: three conditions, with notes, tags, features and a forgotten row.
    - rows.npz: an archive of one of them.
    - samples: an output folder of `sample`, and samples-planned, which a kill left unfinished;
      both belong to samples.db.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with chdir(folder):
        lines = (f"{i / 10},{(i * 7) % 11}\n" for i in range(40))
        Path("table.csv").write_text(f"height,weight\n{''.join(lines)}")
        Path("config.yaml").write_text(yaml.safe_dump(CONFIG))
        _run("fit", "--config", "config.yaml", "--run_folder", "run")
        _make_gallery()
        _make_samples()


def _run(*arguments: str) -> None:
    sys.argv[0] = "train.py"
    with open(os.devnull, "w") as nothing:
        shown, sys.stdout = sys.stdout, nothing
        try:
            train.main(arguments)
        finally:
            sys.stdout = shown


def _make_gallery() -> None:
    generator = torch.Generator().manual_seed(0)
    for condition in ("", "a red fox", "a blue bird"):
        history = DatabaseHistory(
            Path("gallery.db"), StandardNormal(2), condition=condition, create=True
        )
        for number in range(3):
            rows = torch.randn(4, 2, generator=generator)
            metadata = [{"file": f"{number}-{i}.png", "score": i / 3} for i in range(4)]
            history.append(rows, expected_length=len(history), metadata=metadata)
        history.tag([0, 1], "kept", "first")
    history.forget([2])
    export_history(history, "rows.npz")


def _make_samples() -> None:
    options = ("--ckpt_path", CHECKPOINT, "--history", "samples.db", "--create", "true")
    command = ("sample", "--config", "config.yaml", *options)
    _run(*command, "--num_samples", "3", "--output", "samples")
    _run(*command, "--num_samples", "3", "--output", "samples-planned", "--seed_everything", "8")
    _plan_again(Path("samples-planned"))


def _plan_again(folder: Path) -> None:
    """Puts a finished folder in the state before its only chunk was listed."""
    manifest = json.loads((folder / "manifest.json").read_text())
    samples, manifest["samples"] = manifest["samples"], []
    start = samples[0]["id"]
    with closing(sqlite3.connect("samples.db")) as store:
        query = "SELECT label FROM hawc_batches WHERE first = ?"
        (label,) = store.execute(query, (start,)).fetchone()
    rows = [sample["latent"] for sample in samples]
    plan = {"label": label, "start": start, "dim": 2, "rows": rows}
    (folder / ".unfinished.json").write_text(json.dumps(plan))
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))
