import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("diffusers", reason="uv sync --group generators")

from PIL import Image

from examples.generators import text_to_image
from examples.generators.tiny_diffusion import text_to_image_pipeline
from hawc.history import Gallery

FOX, LONG = "a red fox", f"{'a lighthouse on a cliff above a stormy sea, ' * 9}dusk"
SEED = 5


@pytest.fixture(scope="module")
def pipe() -> Any:
    return text_to_image_pipeline()


def generator(seed: int = SEED) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_users_part_is_short() -> None:
    lines: set[int] = set()
    for function in (text_to_image.embed, text_to_image.images_of, text_to_image.sampler_of):
        (node,) = ast.parse(inspect.getsource(function)).body
        assert isinstance(node, ast.FunctionDef)
        first, last = node.body[1].lineno, node.end_lineno  # without head and docstring
        start = inspect.getsourcelines(function)[1]
        lines |= set(range(start + first, start + (last or first) + 1))
    assert len(lines) <= 13  # and two to sample: a generator, `sample_images`


@pytest.mark.timeout(400)
def test_two_processes_share_two_prompts_and_a_later_one_goes_on(tmp_path: Path, pipe: Any) -> None:
    assert len(LONG) == 400
    store = tmp_path / "my images.db"
    command = [sys.executable, "-m", "examples.generators.text_to_image", str(store), FOX, LONG]
    root = Path(__file__).parents[3]
    together = [subprocess.Popen(command, cwd=root) for _ in range(2)]
    assert [process.wait() for process in together] == [0, 0]
    subprocess.run(command, cwd=root, check=True)
    gallery = Gallery(store)
    assert gallery.conditions() == {FOX: 12, LONG: 12}
    for prompt in (FOX, LONG):
        sampler = text_to_image.sampler_of(pipe, prompt, store)
        row = sampler.history[3]
        with Image.open(tmp_path / row.metadata["file"]) as image:
            written = np.asarray(image)
        (again,) = sampler.remake([3])
        assert np.array_equal(np.asarray(again), written)
        assert sampler.history.candidates().shape == (3 * 32, 48)
        assert len(np.unique(sampler.history.view(), axis=0)) == 12


def test_four_images_take_at_most_36_decodings(tmp_path: Path, pipe: Any) -> None:
    made: list[str] = []

    def counted(prompts: list[str], **options: Any) -> Any:
        made.extend(prompts)
        return pipe(prompts, **options)

    sampler = text_to_image.sampler_of(counted, FOX, tmp_path / "images.db")
    sampler.sample_images(4, generator=generator())
    assert len(made) <= 36
    assert set(made) == {FOX}


class Faulty:
    """Returns the pipeline's images in the first calls, then something else."""

    def __init__(self, pipe: Any, last: int, fault: str) -> None:
        self.pipe, self.left, self.fault = pipe, last, fault

    def __call__(self, prompts: list[str], **options: Any) -> Any:
        self.left -= 1
        result = self.pipe(prompts, **options)
        if self.left < 0 and self.fault == "fewer":
            result.images.pop()
        elif self.left < 0:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return result


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("fewer", ValueError, "`decode`|one row for each|images"),
        ("memory", (ValueError, RuntimeError), "batch_size"),
    ],
)
@pytest.mark.parametrize("last", [0, 9])
def test_a_failing_decoder_is_one_error_and_records_nothing(
    tmp_path: Path, pipe: Any, fault: str, error: Any, message: str, last: int
) -> None:
    store = tmp_path / "images.db"
    sampler = text_to_image.sampler_of(Faulty(pipe, last, fault), FOX, store)
    with pytest.raises(error, match=message):
        sampler.sample_images(4, generator=generator())
    assert len(sampler.history) == 0
    assert len(sampler.history.candidates()) == 0
    text_to_image.sampler_of(pipe, FOX, store).sample_images(2, generator=generator())
    assert Gallery(store).conditions() == {FOX: 2}


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_features_that_are_not_finite_record_nothing(
    tmp_path: Path, pipe: Any, monkeypatch: pytest.MonkeyPatch, bad: float
) -> None:
    def features(images: list[Any]) -> np.ndarray:
        return np.full((len(images), 48), bad)

    sampler = text_to_image.sampler_of(pipe, FOX, tmp_path / "images.db")
    sampler.sample_images(2, generator=generator())
    monkeypatch.setattr(text_to_image, "embed", features)
    sampler = text_to_image.sampler_of(pipe, FOX, tmp_path / "images.db")
    with pytest.raises(ValueError, match=r"`features` must .* finite"):
        sampler.sample_images(2, generator=generator())
    assert len(sampler.history) == 2


def test_other_features_on_the_next_day_are_refused(
    tmp_path: Path, pipe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "images.db"
    text_to_image.sampler_of(pipe, FOX, store).sample_images(2, generator=generator())
    monkeypatch.setattr(text_to_image, "embed", lambda images: np.ones((len(images), 5)))
    sampler = text_to_image.sampler_of(pipe, FOX, store)
    with pytest.raises(ValueError, match=r"48.*5|5.*48"):
        sampler.sample_images(2, generator=generator())
    assert Gallery(store).conditions() == {FOX: 2}


def test_images_made_elsewhere_count_but_are_not_made_again(tmp_path: Path, pipe: Any) -> None:
    sampler = text_to_image.sampler_of(pipe, FOX, tmp_path / "images.db")
    sampler.sample_images(2, generator=generator())
    others = [Image.new("RGB", (32, 32), color) for color in ("red", "white")]
    assert [*sampler.history.add(text_to_image.embed(others))] == [2, 3]
    with pytest.raises(ValueError, match="3"):
        sampler.remake([3])
    with pytest.raises(ValueError, match="cannot be made again"):
        sampler.history[3].decoded(lambda latents: latents)
    assert len(sampler.sample_images(2, generator=generator(6)).images) == 2
    assert len(sampler.history) == 6
