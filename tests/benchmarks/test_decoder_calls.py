"""Numbers of candidates and decoder calls on a tiny generator."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks import decoder_calls
from benchmarks.decoder_calls import Counted, Owner, compared, sampled
from hawc import StandardNormal


def owner(pool: Tensor | None = None) -> Owner:
    def choosing(images: Tensor) -> Tensor:
        return images.flatten(1)

    def judging(images: Tensor) -> Tensor:
        return -images.flatten(1)

    decode = Counted(lambda latents: latents.sigmoid().reshape(-1, 1, 2, 2))
    return Owner("tiny", "Tiny.", StandardNormal(4), decode, choosing, judging, 3, pool)


def test_decoder_calls_are_counted_for_one_round() -> None:
    images, calls = sampled(owner(), 0, None, 0)
    assert (len(images), calls) == (12, 4)
    images, calls = sampled(owner(), 8, None, 0)
    assert len(images) == 12
    assert 8 <= calls <= 8 + 8  # a few are decoded twice


def test_candidates_are_those_of_the_pool() -> None:
    pool = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    candidates = owner(pool).candidates(30, 1)
    assert len(candidates.unique(dim=0)) == 30
    assert (candidates[:, None] == pool[None]).all(2).any(1).all()
    assert not torch.equal(candidates, owner(pool).candidates(30, 2))


def test_every_number_of_candidates_has_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder_calls, "RESULTS", tmp_path)
    monkeypatch.setattr(decoder_calls, "NUM_CANDIDATES", (8, 16))
    table = compared(owner(), 2)
    assert [row.setting["candidates"] for row in table.rows] == [0, 8, 16, 8, 16]
    assert (tmp_path / "tiny.json").is_file()
    for row in table.rows:
        assert [1 <= values["Vendi"] <= 4 for values in row.repetitions] == [True, True]
