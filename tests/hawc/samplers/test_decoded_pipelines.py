"""Stages of any kind, images of any form, and noise that does not depend on the latent."""

import io
import random
from collections.abc import Callable
from functools import partial
from typing import Any, final

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hawc.samplers.decoded_features import DecodedFeatures, Stage

SAME = nn.Identity()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def phi_of(decode: Stage, features: Stage = SAME, seed: int = 3) -> DecodedFeatures:
    return DecodedFeatures(decode, features, 6, seed)


NETWORK = nn.Linear(2, 6).float()


@final
class Pipeline:
    """A callable object that is no module but holds one."""

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
def test_accepts_any_callable(kind: str) -> None:
    torch.set_default_dtype(torch.float32)  # a user's
    stage, z = STAGES[kind](), torch.randn(40, 2, generator=seeded())
    before = z.clone()
    phi = phi_of(stage, lambda images: images)
    with phi.evaluating():
        value = phi(z)
        phi.check_repeatable(z, value)
        phi.check_differentiable(z.double(), seeded())  # the dtype of internal latents
        _, pullback = phi.value_and_pullback(z.double())
    torch.testing.assert_close(value, NETWORK(before).detach())
    torch.testing.assert_close(
        pullback(torch.ones(40, 6)), torch.ones(40, 6).double() @ NETWORK.weight.double().detach()
    )
    assert torch.equal(z, before)


@final
class Output:
    """An object that holds the images, as other libraries return."""

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
        (None, "`features` must return a value for a Tensor of shape"),
    ],
)
def test_reports_the_stage_and_its_output(returned: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        phi_of(lambda z: z, lambda x: returned)(torch.ones(3, 2))
    with pytest.raises(ValueError, match="`decode` must return a value"):
        phi_of(lambda z: None)(torch.ones(3, 2))


def by_position(z: Tensor) -> Tensor:
    noise = torch.randn(z.shape, generator=seeded())  # depends on the place in the batch
    return (z + noise).repeat(1, 3)


NOISES: dict[str, Stage] = {
    "torch's": lambda z: (z + torch.randn_like(z)).repeat(1, 3),
    "NumPy's": lambda z: (z + torch.from_numpy(np.random.randn(*z.shape))).repeat(1, 3),  # noqa: NPY002
    "Python's": lambda z: (z + random.random()).repeat(1, 3),
    "by position": by_position,
    "of the batch": lambda z: ((z - z.mean(0)) / z.std(0)).repeat(1, 3),
}
GENERATOR = seeded(1)
NOISES["of a generator"] = lambda z: (z + torch.randn(z.shape, generator=GENERATOR)).repeat(1, 3)


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("count", [2, 100])
def test_rejects_noise_that_does_not_depend_on_the_latent(kind: str, count: int) -> None:
    z = torch.randn(count, 2, generator=seeded(2))
    phi = phi_of(NOISES[kind])
    if (kind, count) == ("of the batch", 2):
        return  # both latents are repeated, so the batch is the same
    with pytest.raises(ValueError, match=r"must give the same result for .* differ by [\d.]+"):
        phi.check_repeatable(z, phi(z))


def test_accepts_noise_seeded_by_the_latent_and_rounding() -> None:
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
