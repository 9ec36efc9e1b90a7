"""Features of the data: of its first items, computed once, refused where they cannot be."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from commands.errors import UsageError
from commands.feature_choice import FeatureChoice
from hawc import Empirical
from tests.helpers import DarkImages, TinyImages, tiny_energy_vae


class Counting(nn.Module):
    """Sums of the rows of a picture, scaled; counts its calls."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(scale), persistent=False)
        self.calls = 0

    def forward(self, pictures: Tensor) -> Tensor:
        self.calls += 1
        return self.scale * pictures.sum((1, 3))


def choice(net: nn.Module, folder: Path, **options: Any) -> FeatureChoice:
    arguments = {"num_real": 30, "min_distance": 0.0, "folder": folder, **options}
    data = arguments.pop("data", TinyImages(batch_size=16, num_validation=None))
    return FeatureChoice.from_data(net, data, **arguments)


def test_features_are_those_of_the_first_training_items(tmp_path: Path) -> None:
    data = TinyImages(batch_size=16, num_validation=None)
    found = choice(Counting(), tmp_path, data=data).data
    first = torch.cat([images for images, _ in data.train_dataloader()])[:30]
    assert repr(found) == repr(Empirical(first.sum((1, 3))))
    few = choice(Counting(), tmp_path, num_real=1000).data
    assert repr(few).startswith("Empirical(64 points")  # of 72, in batches of 16


def test_features_are_computed_once_for_a_net_and_its_items(tmp_path: Path) -> None:
    first, again, scaled = Counting(), Counting(), Counting(2.0)
    known = choice(first, tmp_path)
    assert repr(choice(again, tmp_path).data) == repr(known.data)
    assert (first.calls, again.calls) == (1, 0)
    choice(scaled, tmp_path)
    choice(Counting(), tmp_path, data=DarkImages(batch_size=16, num_validation=None))
    assert scaled.calls == 1
    assert len(list(tmp_path.iterdir())) == 3


def test_the_first_of_two_commands_at_once_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = choice(Counting(), tmp_path)
    (path,) = tmp_path.iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", lambda _: False)  # looked before the other one had written
        np_save = np.save
        patch.setattr(np, "save", lambda file, array: np_save(file, array + 1))  # other rounding
        late = choice(Counting(), tmp_path)
    assert repr(late.data) == repr(known.data)
    assert list(tmp_path.iterdir()) == [path]


def test_the_net_is_frozen_and_the_sampler_chooses_by_it(tmp_path: Path) -> None:
    net, model = Counting(), tiny_energy_vae()
    sampler = choice(net, tmp_path, min_distance=0.5).sampler(model)
    assert not any(weight.requires_grad for weight in net.parameters())
    assert sampler.rows.dim == 2 + 8
    latents = sampler.sample(3, generator=torch.Generator().manual_seed(0))
    remembered = sampler.history.points()
    with torch.no_grad():
        assert torch.allclose(remembered[:, 2:], net(model.eval().decode(latents)), atol=1e-5)


def test_the_manifest_is_told_of_it(tmp_path: Path) -> None:
    told = choice(Counting(), tmp_path, min_distance=0.5).description
    assert told["feature_net"] == "Counting"
    assert told["real_features"].startswith("Empirical(30 points, dim=8, sha256=")
    assert told["min_distance"] == 0.5


@pytest.mark.parametrize(
    ("net", "options", "complaint"),
    [
        (Counting(), {"num_real": 0}, "`num_real` must be at least 1, got 0"),
        (
            Counting(),
            {"min_distance": -1.0},
            "`min_distance` must be finite and at least 0, got -1",
        ),
        (Counting(), {"min_distance": float("nan")}, "`min_distance` must be finite .* got nan"),
        (nn.Linear(3, 2), {}, r"`feature_net` must take what TinyImages holds, \(1, 8, 8\) an"),
        (Counting(float("nan")), {}, r"`feature_net` must take .*finite"),
    ],
)
def test_refusals_leave_nothing(
    net: nn.Module, options: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=complaint):
        choice(net, tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    choice(Counting(), tmp_path)
    (path,) = tmp_path.iterdir()
    for content in (b"", path.read_bytes()[:100], b"no array"):
        path.write_bytes(content)
        with pytest.raises(UsageError, match=f"'{path}' must hold features .* remove it"):
            choice(Counting(), tmp_path)
