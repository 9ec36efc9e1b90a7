"""FeatureSampler with stages that are no modules, work in place, add noise or lack gradients."""

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hawc.samplers.decoded_features import Stage
from hawc.samplers.feature import FeatureSampler
from hawc.targets import Empirical, StandardNormal

PRIOR = StandardNormal(4)


@pytest.fixture(autouse=True)
def float32_by_default(float64_by_default: None) -> None:
    torch.set_default_dtype(torch.float32)  # a user's


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 12), nn.Tanh(), nn.Linear(12, 12), nn.Sigmoid())


NETWORK = network()


def sampler_of(decode: Stage, features: Stage = torch.clone, **settings: Any) -> FeatureSampler:
    with torch.no_grad():
        data = Empirical(NETWORK(torch.randn(200, 4, generator=seeded(7))))
    return FeatureSampler(
        PRIOR, decode=decode, features=features, data=data, **{"num_candidates": 64, **settings}
    )


@pytest.mark.parametrize("num_steps", [None, 0, 5])
def test_a_lambda_over_a_network_is_a_decoder(num_steps: int | None) -> None:
    dtypes: set[torch.dtype] = set()

    def decode(z: Tensor) -> Tensor:
        dtypes.add(z.dtype)
        return NETWORK(z)

    sampler = sampler_of(decode, num_steps=num_steps)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        latents = sampler.sample(5, generator=seeded())
    assert dtypes == {torch.float32}
    with torch.no_grad():
        torch.testing.assert_close(sampler.history.points()[:, 4:], NETWORK(latents))


@pytest.mark.parametrize("num_steps", [0, None])
def test_stages_that_work_in_place_do_not_change_the_result(num_steps: int | None) -> None:
    def decode(z: Tensor) -> Tensor:
        z /= 0.5
        return NETWORK(z) + 0.0  # the sigmoid's backward needs its unchanged result

    def features(images: Tensor) -> Tensor:
        return images.mul_(3.0)

    sampler = sampler_of(decode, features, num_steps=num_steps)
    plain = sampler_of(lambda z: NETWORK(z / 0.5), lambda x: 3.0 * x, num_steps=num_steps)
    generator, other = seeded(), seeded()
    for _ in range(2):
        latents = sampler.sample(5, generator=generator)
        torch.testing.assert_close(latents, plain.sample(5, generator=other))
    reached = PRIOR.elliptical_form().probabilities_of(sampler.history.points()[:, :4])
    assert ((reached > 0.01) & (reached < 0.99)).all()
    with torch.no_grad():
        seen = 3.0 * NETWORK(latents / 0.5)
    torch.testing.assert_close(sampler.history.points()[-5:, 4:], seen)


def test_records_nothing_from_a_decoder_with_noise() -> None:
    def noise_of_torch(z: Tensor) -> Tensor:
        return NETWORK(z) + torch.randn(len(z), 12)

    def noise_of_numpy(z: Tensor) -> Tensor:
        return NETWORK(z) + torch.from_numpy(np.random.randn(len(z), 12)).float()  # noqa: NPY002

    for decode in (noise_of_torch, noise_of_numpy):
        sampler = sampler_of(decode)
        with pytest.raises(ValueError, match="must give the same result for the same latent"):
            sampler.sample(3, generator=seeded())
        assert len(sampler.history) == 0


def to_bytes(z: Tensor) -> np.ndarray:
    """Returns uint8 images (n, h, w, c), as image libraries use."""
    with torch.no_grad():
        return (255 * NETWORK(z)).byte().numpy().reshape(-1, 2, 2, 3)


def of_bytes(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32) / 255


def test_chooses_among_candidates_with_a_warning_if_there_is_no_gradient() -> None:
    with pytest.warns(
        UserWarning, match=r"must pass finite gradients .* The sampler continues with num_steps=0\."
    ):
        latents = sampler_of(to_bytes, of_bytes).sample(5, generator=seeded())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alone = sampler_of(to_bytes, of_bytes, num_steps=0).sample(5, generator=seeded())
    assert torch.equal(latents, alone)
    with pytest.raises(ValueError, match="num_steps=0 chooses among candidates"):
        sampler_of(to_bytes, of_bytes, num_steps=5).sample(5, generator=seeded())


def test_checks_a_missing_gradient_and_warns_once() -> None:
    tracked = []

    def to_bytes_counted(z: Tensor) -> np.ndarray:
        tracked.append(z.requires_grad)
        return to_bytes(z)

    sampler, generator = sampler_of(to_bytes_counted, of_bytes), seeded()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sampler.sample(5, generator=generator)
        resumed = sampler_of(to_bytes, of_bytes, history=copy.copy(sampler.history))
        state = generator.get_state()
        again = torch.Generator()
        again.set_state(state)
        latents = sampler.sample(5, generator=generator)
    files = [str(warning.filename) for warning in caught if "gradients" in str(warning.message)]
    assert files == [__file__]  # the caller's line
    assert sum(tracked) == 1
    with pytest.warns(UserWarning, match="must pass finite gradients"):
        assert torch.equal(resumed.sample(5, generator=again), latents)
    assert torch.equal(again.get_state(), generator.get_state())


@pytest.mark.parametrize(
    "change",
    [lambda x: 255 * x, lambda x: 4 * x - 2, lambda x: (255 * x).byte()],
    ids=["0 to 255", "-2 to 2", "bytes"],
)
def test_warns_once_about_images_in_another_range_than_the_data(
    change: Callable[[Tensor], Tensor],
) -> None:
    sampler = sampler_of(lambda z: change(NETWORK(z)), lambda x: x.float(), num_steps=0)
    with pytest.warns(
        UserWarning, match="No candidate looks like `data`: in features, a real image is"
    ):
        sampler.sample(3, generator=seeded())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sampler.sample(3, generator=seeded(1))
