"""Manifests and plans are read back unchanged, and refused with a reason."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from hawc.io.manifests import Chunk, Manifest, read_manifest, read_plan, write_plan


def sample(position: Any = 0, latent: Any = (0.5, 1), **more: Any) -> dict[str, Any]:
    return {"id": position, "latent": latent, **more}


def test_manifests_are_read_back(tmp_path: Path) -> None:
    manifest = Manifest({"seed": 0}, [], [])
    latents = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    manifest.add([{"id": 3, "file": "00000003.png"}, {"id": 7, "values": [[1.0], [2.0]]}], latents)
    manifest.write(tmp_path / "x")
    read = read_manifest(tmp_path / "x")
    assert read == manifest
    assert read.ids == [3, 7]
    assert torch.equal(torch.tensor([json.loads(line)["latent"] for line in read.lines]), latents)


@pytest.mark.parametrize(
    "samples",
    [
        *([sample(i)] for i in (-1, 10**30, 2**62, 1.0, True, "1", None, [1])),
        [sample(1), sample(1)],
        [sample(2), sample(1)],
        *([sample(latent=z)] for z in (None, 1, "1", {}, [], [[1]], ["1"], [None], [[1, 2], [3]])),
        *([sample(latent=z)] for z in ([float("nan")], [1, float("inf")], [10**400], [1e400])),
        [sample(0, [1]), sample(1, [1, 2])],
        *([sample(file=name)] for name in ("../a.png", "/etc/passwd", "a/0.png", "", 3, None)),
        *([value] for value in (None, 1, "text", [], [1], {}, {"id": 1}, {"latent": [1]})),
    ],
    ids=repr,
)
def test_other_samples_are_refused(samples: list[Any], tmp_path: Path) -> None:
    (tmp_path / "compact").write_text(json.dumps({"seed": 0, "samples": samples}))
    lines = ",\n".join(map(json.dumps, samples))
    (tmp_path / "lines").write_text(f'{{\n "seed": 0,\n "samples": [\n{lines}\n]}}\n')
    for name in ("compact", "lines"):
        with pytest.raises(ValueError, match=r"\w"):
            read_manifest(tmp_path / name)


PLAN: dict[str, Any] = {"label": "a", "start": 3, "dim": 2, "rows": [[0.5, 1, 2], [3, 4, 5]]}


def test_plans_are_read_back(tmp_path: Path) -> None:
    rows = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    write_plan(tmp_path / "x", Chunk(5, rows, "label", 2))
    chunk = read_plan(tmp_path / "x")
    assert (chunk.start, chunk.label, chunk.dim, chunk.ids) == (5, "label", 2, range(5, 9))
    assert torch.equal(chunk.rows, rows)
    assert torch.equal(chunk.latents, rows[:, :2])
    (tmp_path / "x").write_text(json.dumps(PLAN))  # as earlier versions wrote it
    assert torch.equal(read_plan(tmp_path / "x").rows, torch.tensor(PLAN["rows"]))


@pytest.mark.parametrize(
    "change",
    [
        *({"start": value} for value in (-1, 1.5, True, None, "1", 2**70)),
        *({"dim": value} for value in (0, -1, 4, 1.0, True, None, 10**30)),
        *({"label": value} for value in (None, 1, ["a"])),
        *({"rows": value} for value in ([], [[]], [1], None, {}, [[1, 2], [1]], [["a", "b"]])),
        *({"rows": [[value, 0]]} for value in (float("nan"), float("inf"), None, [1])),
    ],
    ids=repr,
)
def test_other_plans_are_refused(change: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "x").write_text(json.dumps(PLAN | change))
    with pytest.raises(ValueError, match=r"\w"):
        read_plan(tmp_path / "x")
    (tmp_path / "x").write_text(json.dumps({k: v for k, v in PLAN.items() if k not in change}))
    with pytest.raises(ValueError, match=r"\w"):
        read_plan(tmp_path / "x")
