"""The decoder and the feature network are used without being modified."""

import copy
from functools import partial
from typing import final

import pytest
import torch
from torch import Tensor, nn

from hawc.samplers.decoded_features import DecodedFeatures, MissingGradientError, Stage


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@final
class Noisy(nn.Module):
    """A decoder with everything that could leave a trace: modes, statistics, random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 6), nn.BatchNorm1d(6), nn.Dropout(), nn.Tanh())
        self.layers[0].weight.requires_grad_(False)
        self.layers[3].eval()

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = self.layers(z)
        return images + 0.1 * torch.randn_like(images)

    def decode(self, z: Tensor, scale: float = 1.0) -> Tensor:
        return scale * self(z)


SAME = nn.Identity()


def phi_of(decode: Stage, features: Stage = SAME, seed: int = 3) -> DecodedFeatures:
    return DecodedFeatures(decode, features, 6, seed)


@pytest.mark.parametrize("how", ["module", "method", "partial"])
def test_modules_are_not_modified(how: str) -> None:
    model = Noisy()
    stage = {"module": model, "method": model.decode, "partial": partial(model.decode, scale=2.0)}
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    modes = [part.training for part in model.modules()]
    phi, z = phi_of(stage[how]), torch.randn(4, 2, generator=seeded())
    with phi.evaluating():
        assert not any(part.training for part in model.modules())
        phi(z)
        _, pullback = phi.value_and_pullback(z)
        assert pullback(torch.ones(4, 6)).shape == (4, 2)
    assert [part.training for part in model.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(weight.grad is None for weight in model.parameters())
    flags = [weight.requires_grad for weight in model.parameters()]
    assert flags == [False, True, True, True]


def test_a_decoder_with_torch_noise_becomes_deterministic() -> None:
    model, z = Noisy().eval(), torch.randn(4, 2, generator=seeded())
    phi = phi_of(model)
    value = phi(z)
    again, _ = phi.value_and_pullback(z)
    assert torch.equal(value, again)
    assert not torch.equal(value, phi_of(model, seed=4)(z))


def test_blocks_give_the_result_of_one_batch() -> None:
    matrix = torch.randn(2, 6, generator=seeded())
    z = torch.randn(600, 2, generator=seeded(1))
    sizes: list[int] = []

    def decode(latents: Tensor) -> Tensor:
        sizes.append(len(latents))
        return latents @ matrix

    # matrix products of other sizes may round differently
    torch.testing.assert_close(phi_of(decode)(z), z @ matrix)
    assert max(sizes) <= 256


def test_gradient_of_a_linear_map_is_its_transpose() -> None:
    first, second = nn.Linear(2, 5), nn.Linear(5, 6)
    upstream = torch.randn(3, 6, generator=seeded())
    value, pullback = phi_of(first, second).value_and_pullback(torch.ones(3, 2))
    torch.testing.assert_close(pullback(upstream), upstream @ second.weight @ first.weight)
    assert not value.requires_grad


def test_inputs_are_converted_to_the_precision_of_each_stage() -> None:
    z = torch.ones(3, 2)  # in float64 here
    phi = phi_of(nn.Linear(2, 4).float(), nn.Linear(4, 6).to(torch.bfloat16))
    value, pullback = phi.value_and_pullback(z)
    assert value.dtype == torch.float32  # a squared distance needs more than half precision
    assert pullback(value).dtype == torch.float64


def test_whole_numbers_keep_their_type() -> None:
    @final
    class Bytes(nn.Linear):
        def forward(self, images: Tensor) -> Tensor:
            assert images.dtype == torch.uint8  # this network takes 255 as 1
            return super().forward(images.to(self.weight) / 255)

    network = Bytes(2, 6)
    z = torch.tensor([[0.0, 255.0], [51.0, 102.0]])
    value = phi_of(lambda z: z.to(torch.uint8), network)(z)
    torch.testing.assert_close(value, (z / 255) @ network.weight.T + network.bias)


def test_autocast_does_not_change_the_precision() -> None:
    z = torch.randn(3, 2, generator=seeded())
    phi = phi_of(nn.Linear(2, 4).float(), nn.Linear(4, 6).float())
    wanted, pullback = phi.value_and_pullback(z)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(phi(z), wanted)
        value, _ = phi.value_and_pullback(z)
    assert torch.equal(value, wanted)
    assert pullback(torch.ones(3, 6)).dtype == z.dtype


@pytest.mark.parametrize(
    ("decode", "reason"),
    [
        (lambda z: torch.from_numpy(z.numpy()).repeat(1, 3), "numpy"),
        (lambda z: z.detach().repeat(1, 3), "the features have no gradient"),
        (lambda z: torch.ones(len(z), 6).requires_grad_(), "do not depend on the latents"),
        (lambda z: z.round().repeat(1, 3), "it is zero everywhere"),
        (lambda z: (z - 1).sqrt().repeat(1, 3), "it is NaN or infinite"),
    ],
)
def test_reports_a_missing_gradient(decode: Stage, reason: str) -> None:
    with pytest.raises(ValueError, match=f"must pass finite gradients.*{reason}.*num_steps=0 choo"):
        phi_of(decode).check_differentiable(torch.ones(3, 2), seeded())


def test_accepts_a_finite_gradient() -> None:
    phi_of(lambda z: z.repeat(1, 3).softmax(1)).check_differentiable(torch.ones(3, 2), seeded())


def test_rejects_another_number_of_features() -> None:
    with pytest.raises(ValueError, match=r"`features` must return shape \(3, 6\).*got \(3, 2\)"):
        phi_of(lambda z: z)(torch.ones(3, 2))


def test_rejects_features_that_are_not_finite() -> None:
    with pytest.raises(ValueError, match="`features` must be finite for decoded samples"):
        phi_of(lambda z: z.repeat(1, 3).log())(-torch.ones(3, 2))


def test_raises_an_error_of_a_stage_unchanged() -> None:
    def decode(z: Tensor) -> Tensor:
        raise RuntimeError("from the caller's code")

    with pytest.raises(RuntimeError, match="from the caller's code") as caught:
        phi_of(decode).check_differentiable(torch.ones(3, 2), seeded())
    assert "decode" in [entry.name for entry in caught.traceback]
    assert caught.value.__notes__ == [
        "Raised by `decode`, called with a Tensor of shape (3, 2), torch.float64."
    ]


def test_an_error_that_occurs_with_gradients_only_is_the_cause() -> None:
    def decode(z: Tensor) -> Tensor:
        return torch.from_numpy(z.numpy()).repeat(1, 3)

    with pytest.raises(MissingGradientError) as caught:
        phi_of(decode).check_differentiable(torch.ones(3, 2), seeded())
    assert "numpy" in str(caught.value.__cause__)
