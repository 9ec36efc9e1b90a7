"""Decoder and feature net are used, and left as they were."""

import copy
import io
import random
from collections.abc import Callable
from functools import partial
from typing import Any, final

import numpy as np
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
        pictures: Tensor = self.layers(z)
        return pictures + 0.1 * torch.randn_like(pictures)

    def decode(self, z: Tensor, scale: float = 1.0) -> Tensor:
        return scale * self(z)


SAME = nn.Identity()


def phi_of(decode: Stage, features: Stage = SAME, seed: int = 3) -> DecodedFeatures:
    return DecodedFeatures(decode, features, 6, seed)


@pytest.mark.parametrize("how", ["module", "method", "partial"])
def test_modules_are_left_as_they_were(how: str) -> None:
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


def test_a_decoder_that_draws_is_a_function_all_the_same() -> None:
    model, z = Noisy().eval(), torch.randn(4, 2, generator=seeded())
    phi = phi_of(model)
    value = phi(z)
    again, _ = phi.value_and_pullback(z)
    assert torch.equal(value, again)
    assert not torch.equal(value, phi_of(model, seed=4)(z))


def test_blocks_give_what_the_whole_gives() -> None:
    matrix = torch.randn(2, 6, generator=seeded())
    z = torch.randn(600, 2, generator=seeded(1))
    sizes: list[int] = []

    def decode(latents: Tensor) -> Tensor:
        sizes.append(len(latents))
        return latents @ matrix

    # products of other sizes may round in another order
    torch.testing.assert_close(phi_of(decode)(z), z @ matrix)
    assert max(sizes) <= 256


def test_gradient_of_a_linear_map_is_its_transpose() -> None:
    first, second = nn.Linear(2, 5), nn.Linear(5, 6)
    upstream = torch.randn(3, 6, generator=seeded())
    value, pullback = phi_of(first, second).value_and_pullback(torch.ones(3, 2))
    torch.testing.assert_close(pullback(upstream), upstream @ second.weight @ first.weight)
    assert not value.requires_grad


def test_stages_are_met_in_their_precision() -> None:
    z = torch.ones(3, 2)  # in float64 here
    phi = phi_of(nn.Linear(2, 4).float(), nn.Linear(4, 6).to(torch.bfloat16))
    value, pullback = phi.value_and_pullback(z)
    assert value.dtype == torch.float32  # a squared distance needs more than half precision
    assert pullback(value).dtype == torch.float64


def test_whole_numbers_reach_a_net_as_such() -> None:
    @final
    class Net(nn.Linear):
        def forward(self, pictures: Tensor) -> Tensor:
            assert pictures.dtype == torch.uint8  # 255 of them is 1 to a net that knows of it
            return super().forward(pictures.to(self.weight) / 255)

    net = Net(2, 6)
    z = torch.tensor([[0.0, 255.0], [51.0, 102.0]])
    value = phi_of(lambda z: z.to(torch.uint8), net)(z)
    torch.testing.assert_close(value, (z / 255) @ net.weight.T + net.bias)


def test_autocast_leaves_the_precision() -> None:
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
        (lambda z: z.detach().repeat(1, 3), "what they return has none"),
        (lambda z: torch.ones(len(z), 6).requires_grad_(), "does not depend on the latents"),
        (lambda z: z.round().repeat(1, 3), "it is zero everywhere"),
        (lambda z: (z - 1).sqrt().repeat(1, 3), "it is NaN or infinite"),
    ],
)
def test_says_that_there_is_no_gradient_and_what_to_do(decode: Stage, reason: str) -> None:
    with pytest.raises(ValueError, match=f"must pass finite gradients.*{reason}.*num_steps=0 choo"):
        phi_of(decode).check_differentiable(torch.ones(3, 2), seeded())


def test_a_gradient_that_is_there_passes() -> None:
    phi_of(lambda z: z.repeat(1, 3).softmax(1)).check_differentiable(torch.ones(3, 2), seeded())


def test_rejects_features_of_another_number() -> None:
    with pytest.raises(ValueError, match=r"`features` must return shape \(3, 6\).*got \(3, 2\)"):
        phi_of(lambda z: z)(torch.ones(3, 2))


def test_rejects_features_that_are_not_finite() -> None:
    with pytest.raises(ValueError, match="`features` must be finite for what `decode` makes"):
        phi_of(lambda z: z.repeat(1, 3).log())(-torch.ones(3, 2))


def test_an_error_of_a_stage_is_no_matter_of_gradients() -> None:
    def decode(z: Tensor) -> Tensor:
        raise RuntimeError("of the caller's own")

    with pytest.raises(RuntimeError, match="of the caller's own") as caught:
        phi_of(decode).check_differentiable(torch.ones(3, 2), seeded())
    assert "decode" in [entry.name for entry in caught.traceback]
    assert caught.value.__notes__ == [
        "Raised by `decode`, called with a Tensor of shape (3, 2), torch.float64."
    ]


def test_what_fails_with_gradients_alone_keeps_its_traceback() -> None:
    def decode(z: Tensor) -> Tensor:
        return torch.from_numpy(z.numpy()).repeat(1, 3)

    with pytest.raises(MissingGradientError) as caught:
        phi_of(decode).check_differentiable(torch.ones(3, 2), seeded())
    assert "numpy" in str(caught.value.__cause__)


NETWORK = nn.Linear(2, 6).float()


@final
class Pipeline:
    """An object whose module nothing outside knows."""

    def __init__(self) -> None:
        self.network = NETWORK

    def __call__(self, z: Tensor) -> Tensor:
        return self.network(z)

    def decode(self, z: Tensor, scale: float) -> Tensor:
        return scale * self.network(z) / 2


def program() -> nn.Module:
    exported = torch.export.export(
        NETWORK.eval(), (torch.ones(2, 2).float(),), dynamic_shapes=({0: torch.export.Dim("n")},)
    )
    file = io.BytesIO()
    torch.export.save(exported, file)
    file.seek(0)
    return torch.export.load(file).module()


STAGES: dict[str, Callable[[], Stage]] = {
    "module": lambda: NETWORK,
    "lambda": lambda: lambda z: NETWORK(z),
    "object": Pipeline,
    "method": lambda: partial(Pipeline().decode, scale=2.0),
    "in place": lambda: lambda z: NETWORK(z.mul_(2.0).div_(2.0)),
    "program": program,
    "program within a module": lambda: nn.Sequential(program()),
    "script": lambda: torch.jit.script(NETWORK),
    "frozen script": lambda: torch.jit.freeze(torch.jit.script(NETWORK.eval())),
    "compiled": lambda: torch.compile(NETWORK, backend="eager"),
}


@pytest.mark.parametrize("kind", STAGES)
def test_any_callable_will_do(kind: str) -> None:
    torch.set_default_dtype(torch.float32)  # a user's
    stage, z = STAGES[kind](), torch.randn(40, 2, generator=seeded())
    before = z.clone()
    phi = phi_of(stage, lambda images: images)
    with phi.evaluating():
        value = phi(z)
        phi.check_repeatable(z, value)
        phi.check_differentiable(z.double(), seeded())  # as internal latents are
        _, pullback = phi.value_and_pullback(z.double())
    torch.testing.assert_close(value, NETWORK(before).detach())
    torch.testing.assert_close(
        pullback(torch.ones(40, 6)), torch.ones(40, 6).double() @ NETWORK.weight.double().detach()
    )
    assert torch.equal(z, before)


@final
class Output:
    """What other libraries return: an object that holds the images."""

    def __init__(self, sample: Tensor) -> None:
        self.sample = sample
        self.device = "cpu"


FORMS: dict[str, tuple[Stage, Stage]] = {
    "output object": (lambda z: Output(NETWORK(z)), lambda out: out.sample),
    "dictionary": (lambda z: {"images": NETWORK(z)}, lambda out: out["images"]),
    "bytes (n, h, w, c)": (
        lambda z: np.full((len(z), 4, 4, 3), 7, np.uint8),
        lambda x: x.reshape(len(x), -1)[:, :6].astype(np.float32),
    ),
    "list of images": (
        lambda z: [np.ones((2, 3), np.uint8) for _ in z],
        lambda images: [image.ravel() for image in images],
    ),
    "read-only array": (
        lambda z: np.broadcast_to(np.float64(1), (len(z), 6)),
        lambda x: x,
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_images_of_any_form_reach_the_features_untouched(form: str) -> None:
    decode, features = FORMS[form]
    torch.set_default_dtype(torch.float32)
    z = torch.randn(5, 2, generator=seeded())
    value = phi_of(decode, features)(z)
    with torch.no_grad():
        expected: Any = np.array(features(decode(z)))
    assert value.dtype in (torch.float32, torch.float64)
    np.testing.assert_array_equal(value.numpy(), expected)


@pytest.mark.usefixtures("no_shape_checks")
@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (Output(torch.ones(3, 6)), "`features` must return real numbers .* got a Output"),
        (["a", "b", "c"], "`features` must return real numbers .* got a list"),
        (torch.ones(3, 6) * 1j, r"must return real numbers .* shape \(3, 6\), torch.complex"),
        (torch.ones(3, 2, 3), r"`features` must return shape \(3, 6\).*got \(3, 2, 3\)"),
        (None, "`features` must return something for a Tensor of shape"),
    ],
)
def test_says_which_stage_returned_what(returned: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        phi_of(lambda z: z, lambda x: returned)(torch.ones(3, 2))
    with pytest.raises(ValueError, match="`decode` must return something"):
        phi_of(lambda z: None)(torch.ones(3, 2))


def by_position(z: Tensor) -> Tensor:
    noise = torch.randn(z.shape, generator=seeded())  # another image in another place of a batch
    return (z + noise).repeat(1, 3)


NOISES: dict[str, Stage] = {
    "torch's": lambda z: (z + torch.randn_like(z)).repeat(1, 3),
    "NumPy's": lambda z: (z + torch.from_numpy(np.random.randn(*z.shape))).repeat(1, 3),  # noqa: NPY002
    "Python's": lambda z: (z + random.random()).repeat(1, 3),
    "by position": by_position,
    "of the batch": lambda z: ((z - z.mean(0)) / z.std(0)).repeat(1, 3),
}
OWN = seeded(1)
NOISES["of a generator"] = lambda z: (z + torch.randn(z.shape, generator=OWN)).repeat(1, 3)


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("count", [2, 100])
def test_noise_that_the_caller_would_not_see_again_is_refused(kind: str, count: int) -> None:
    z = torch.randn(count, 2, generator=seeded(2))
    phi = phi_of(NOISES[kind])
    if (kind, count) == ("of the batch", 2):
        return  # two of two: the batch is the same one
    with pytest.raises(ValueError, match=r"must give the same for the same latent .* [\d.]+ apart"):
        phi.check_repeatable(z, phi(z))


def test_noise_that_belongs_to_the_latent_and_rounding_pass() -> None:
    def seeded_by_row(z: Tensor) -> Tensor:
        rows = [z.new_tensor(random.Random(float(row[0])).random()) for row in z]
        return (z + torch.stack(rows)[:, None]).repeat(1, 3)

    z = torch.randn(100, 2, generator=seeded(2))
    for decode in (
        seeded_by_row,
        lambda z: (1e4 + z + 1e-3 * torch.rand_like(z)).float().repeat(1, 3),
        lambda z: z.bfloat16().repeat(1, 3),
        lambda z: torch.ones(len(z), 6),
    ):
        phi = phi_of(decode)
        phi.check_repeatable(z, phi(z))
