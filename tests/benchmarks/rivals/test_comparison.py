"""The comparison on a small linear generator: shared candidates, resumption, tuning and page."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import metrics
from benchmarks.rivals import __main__ as command
from benchmarks.rivals import page, tuning
from benchmarks.rivals.contestants import IID, OURS, REAL, Contestant, contestants
from benchmarks.rivals.generators import ImageGenerator
from benchmarks.rivals.judge import Judge, clusters, frechet_distance
from benchmarks.rivals.trial import ROUNDS, Played, Trial, moves
from hawc import StandardNormal

DIM = 4


def normal(count: int, dim: int, seed: int) -> Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


def generator(with_data: bool = True) -> ImageGenerator:
    chooser, judge = normal(DIM, 6, 1), normal(DIM, 5, 2)
    reference = normal(200, DIM, 3) @ judge
    return ImageGenerator(
        "linear",
        StandardNormal(DIM),
        lambda latents: latents.float(),
        lambda images: images @ chooser,
        lambda images: images @ judge,
        (lambda images: images[:, 0].sigmoid()) if with_data else None,
        normal(100, DIM, 4) @ chooser if with_data else None,
        normal(300, DIM, 5) @ judge if with_data else None,
        Judge(reference, clusters(reference)),
        "a digest",
        None if with_data else normal(500, DIM, 6),
    )


def quick(owner: ImageGenerator) -> list[Contestant]:
    """Returns a few methods, with two settings at most."""
    return [
        Contestant(method.name, dict(list(method.settings.items())[:2]))
        for method in contestants(owner)
        if method.name in (REAL, IID, OURS, "greedy DPP", "SPELL, moved")
    ]


def without_seconds(state: dict[str, Any]) -> dict[str, Any]:
    state = json.loads(json.dumps(state))
    for sizes in state["repetitions"]:
        for methods in sizes.values():
            for values in methods.values():
                del values["seconds"]
    return state


@pytest.fixture(autouse=True)
def one_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "TRIALS", 1)


@pytest.mark.parametrize("with_data", [True, False])
def test_a_stopped_run_continues_to_the_same_results(tmp_path: Path, with_data: bool) -> None:
    owner = generator(with_data)
    methods = quick(owner)
    command.compared(owner, methods, 1, 16, tmp_path / "stopped.json")
    continued = command.compared(owner, methods, 2, 16, tmp_path / "stopped.json")
    whole = command.compared(owner, methods, 2, 16, tmp_path / "whole.json")
    assert without_seconds(continued) == without_seconds(whole)
    assert without_seconds(json.loads((tmp_path / "whole.json").read_text())) == without_seconds(
        whole
    )
    names = {method.name for method in contestants(owner)}
    assert {IID, OURS, "farthest point", "greedy DPP"} <= names
    assert ({REAL, "particle guidance", "SPELL, moved"} <= names) == with_data
    for values in whole["repetitions"][0]["8"].values():
        assert 0 <= values["total variation"] <= 1
        assert values["Vendi"] >= 1
        assert values["decoder calls"] <= 16 + 8  # candidates, and the sampler's check of them


def test_slow_methods_have_fewer_repetitions(tmp_path: Path) -> None:
    def first(trial: Trial, n: int) -> Played:
        return Played(trial.judged[: ROUNDS * n], n, 0.0)

    methods = [Contestant("quick", {"": first}), Contestant("slow", {"": first}, 2)]
    state = command.compared(generator(), methods, 3, 16, tmp_path / "state.json")
    assert [sorted(r["8"]) for r in state["repetitions"]] == [["quick", "slow"]] * 2 + [["quick"]]
    summary = page.summary("linear", state)
    assert summary["repetitions"] == {"quick": 3, "slow": 2}
    of_two = [r["8"]["quick"]["Vendi"] for r in state["repetitions"][:2]]
    assert summary["methods"]["8"]["slow"]["Vendi"][0] == pytest.approx(sum(of_two) / 2, rel=1e-3)


def test_results_of_other_settings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "linear.json"
    command.saved(path, {"settings": {"candidates": 8}, "tuned": {}, "repetitions": []})
    with pytest.raises(SystemExit, match="holds results of other settings: remove it first"):
        command.compared(generator(), [], 2, 16, path)


def test_choosers_share_the_candidates_of_a_seed() -> None:
    owner = generator()
    first, again, other = (Trial(owner, 8, seed) for seed in (1, 1, 2))
    assert torch.equal(first.latents, again.latents)
    assert not torch.equal(first.latents, other.latents)
    assert len(first.latents) == ROUNDS * 8
    (play,) = next(m for m in contestants(owner) if m.name == IID).settings.values()
    played = play(first, 4)
    firsts = torch.cat([first.judged[8 * r : 8 * r + 4] for r in range(ROUNDS)])
    assert torch.equal(played.features, firsts)


def test_a_mover_gets_the_images_of_all_earlier_rounds() -> None:
    owner, pasts = generator(), []

    def stay(latents: Tensor, past: Tensor, *_: object) -> Tensor:
        pasts.append(past)
        return latents

    trial = Trial(owner, 24, 0)
    played = moves(stay)(trial, 8)
    assert [len(past) for past in pasts] == list(range(0, 80, 8))
    firsts = torch.cat([trial.features[here][:8] for here in trial.rounds()])
    assert torch.allclose(pasts[-1], firsts[:72], atol=1e-5)
    assert played.calls == 24


def test_the_setting_with_the_best_score_is_kept() -> None:
    owner = generator()

    def copies(trial: Trial, n: int) -> Played:
        return Played(trial.judged[:1].repeat(ROUNDS * n, 1), 1, 0.0)

    def different(trial: Trial, n: int) -> Played:
        return Played(trial.judged[: ROUNDS * n], 1, 0.0)

    contestant = Contestant("two", {"copies": copies, "different": different})
    assert tuning.tuned(contestant, [Trial(owner, 8, 0)]) == "different"


def test_the_frechet_distance_is_that_of_moments() -> None:
    real, fake = normal(60, 3, 0) + 1, normal(40, 3, 1) * 2
    moments = [m for x in (real.double(), fake.double()) for m in (x.mean(0), x.T.cov())]
    expected = float(metrics.squared_frechet_distance(*moments))
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-6)
    wide = normal(30, 50, 2)  # fewer images than features
    assert frechet_distance(wide, wide + 1) == pytest.approx(50, rel=1e-4)


def test_real_images_match_themselves() -> None:
    features = normal(100, 5, 0)
    values = Judge(features, clusters(features)).values(features, 8)
    assert values["total variation"] == 0
    assert values["precision"] == values["recall"] == values["coverage"] == 1
    # of an image and its nearest other one only the second is a repeat
    assert 0.1 <= values["repeats (25 %)"] <= 0.25


def test_the_page_shows_every_method(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = generator(with_data=False)
    methods = [m for m in quick(owner) if m.name in (IID, OURS, "greedy DPP")]
    state = command.compared(owner, methods, 2, 16, tmp_path / "state.json")
    summary = page.summary("linear", state)
    shown = summary["methods"]["8"]
    values = [r["8"][OURS]["Vendi"] for r in state["repetitions"]]
    assert shown[OURS]["Vendi"][0] == pytest.approx(sum(values) / 2, rel=1e-3)
    assert shown[OURS]["Vendi"][1] == pytest.approx(abs(values[0] - values[1]) / 2, rel=0.1)
    text = "\n".join(page.lines(summary))
    assert all(f"| 8 | {name} (2) |" in text for name in shown)
    (row,) = [line for line in page.claims([summary]) if line.startswith("| linear | 8 |")]
    dpp, own = (shown[name]["Vendi"][0] for name in ("greedy DPP", OURS))
    assert f"**{own:.3g}**" in row
    assert f"{dpp:.3g} (greedy DPP), -" in row
    assert page.gains([summary], IID) == [pytest.approx(1)] * len(page.SHOWN)
    monkeypatch.setattr(page, "FIGURE", tmp_path / "figure.png")
    page.plot([summary])
    assert (tmp_path / "figure.png").stat().st_size > 5000
