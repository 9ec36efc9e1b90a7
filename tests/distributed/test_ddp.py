"""Two processes: the same weights on both, other noise on each, one set of images."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from callbacks.base.decoding import decode
from hawc.samplers.seeding import generator_at
from metrics import SquaredEnergyDistance
from tests.distributed.leave_two import MODELS as LEFT
from tests.distributed.leave_two import TOLD_AND_LEFT
from tests.distributed.step_two import MODELS, PRECISIONS, train
from tests.distributed.train_two import AUTOENCODERS, NUM_HELD_OUT
from tests.distributed.train_two import MODELS as TRAINED
from tests.helpers import TinyImages, same_weights

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.timeout(600)


def start(script: str, folder: Path) -> None:
    """Runs a script that starts the second process itself; its argument is the folder."""
    subprocess.run(
        [sys.executable, str(Path(__file__).with_name(script)), str(folder)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        check=True,
        timeout=500,
        cwd=folder,
    )


@pytest.fixture(scope="module")
def stepped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights of all models that were stepped in one pair of processes."""
    folder = tmp_path_factory.mktemp("stepped")
    start("step_two.py", folder)
    return folder


@pytest.mark.parametrize(("model", "precision"), [*itertools.product(MODELS, PRECISIONS)])
def test_two_processes_are_one_with_batches_twice_as_large(
    model: str, precision: str, stepped: Path, tmp_path: Path
) -> None:
    first, second = (torch.load(stepped / f"{model}-{precision}-{rank}.pt") for rank in (0, 1))
    assert same_weights(first, second)
    before, after = train(model, tmp_path, 1, precision)
    # sums in another order, measured at most 4e-14 and 6e-8; weights move by 1e-3 to 3e-2. Where
    # a gradient is nothing but rounding Adam moves a weight as far as others: one of the EBGAN's,
    # here by 5e-6
    tolerance = {"64-true": 1e-12, "32-true": 1e-4 if model == "ebgan" else 1e-6}[precision]
    for name, weight in after.items():
        torch.testing.assert_close(first[name], weight, rtol=0, atol=tolerance)
    moved = {k.split(".")[0] for k in after if not torch.equal(before[k].to(after[k]), after[k])}
    networks = {"encoder", "decoder"} if model in AUTOENCODERS else {"critic", "generator"}
    assert moved >= networks


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each model that was trained, with callbacks, in one pair of processes."""
    folder = tmp_path_factory.mktemp("trained")
    start("train_two.py", folder)
    return folder


@pytest.mark.parametrize("model", TRAINED)
def test_two_processes_agree(model: str, trained: Path) -> None:
    folder = trained / model
    first, second = (json.loads((folder / f"rank-{rank}.json").read_text()) for rank in (0, 1))
    assert first["weights"] == second["weights"]
    assert first["history"] == second["history"]
    assert first["num_history"] == 8
    assert first["noise"] != second["noise"]
    assert not set(first["labels"]) & set(second["labels"])
    images = {path.name for path in (folder / "images").iterdir()}
    assert {"epoch-0001-new.png", "epoch-0002-new.png", "all_samples.png"} <= images
    assert "loss-curves.png" in images
    assert first["codes"] == second["codes"]
    assert first["average"] == second["average"]
    assert len(first["quality"]) == 2  # of independent and of history-aware samples
    assert "epoch-0002-nearest.png" in images
    assert bool(first["average"]) == (model not in AUTOENCODERS)
    if model in AUTOENCODERS:
        assert first["num_latents"] == NUM_HELD_OUT  # of both processes
        assert {"epoch-0002-reconstructions.png", "epoch-0002-latents.png"} <= images
        assert first["distance"] == pytest.approx(distance(model, folder), rel=1e-5)


def distance(model: str, folder: Path) -> float:
    """Returns in one process what ValidationDistances measured in two."""
    module, data = TRAINED[model](), TinyImages(batch_size=9)
    module.load_state_dict(torch.load(folder / "weights-0.pt"))
    data.setup("fit")
    metric = SquaredEnergyDistance(nn.Flatten())
    metric.update(torch.cat([images for images, _ in data.val_dataloader()]), real=True)
    z = module.prior.sample(NUM_HELD_OUT, generator=generator_at(0, 0))
    metric.update(decode(module, z), real=False)
    return float(metric.compute())


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """What each of two processes saw of runs that were left and resumed, and of whole ones."""
    folder = tmp_path_factory.mktemp("left")
    start("leave_two.py", folder)
    first, second = (torch.load(folder / f"rank-{rank}.pt") for rank in (0, 1))
    return first, second


@pytest.mark.parametrize("moment", TOLD_AND_LEFT)
@pytest.mark.parametrize("model", LEFT)
def test_two_processes_leave_together_when_the_second_is_told_to(
    model: str, moment: str, left: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    whole = left[0][f"{model} {moment}"]["whole"]
    for seen in (rank[f"{model} {moment}"] for rank in left):
        assert seen["stopped"]["events"].count("batch") == TOLD_AND_LEFT[moment][1]
        assert seen["stopped"]["events"] + seen["resumed"]["events"] == whole["events"]
        assert same_weights(seen["resumed"]["weights"], whole["weights"])
        assert torch.equal(seen["resumed"]["points"], whole["points"])
    assert ("validation" in whole["events"]) == (model == "energy_vae")
