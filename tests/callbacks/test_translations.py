"""Lines of images from one domain to the other and back; points of the plane; what is refused."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from callbacks import HistoryAwareSampling, Interpolation, LatentMap, Reconstructions, Translations
from callbacks.base.model_callback import AbstractModelCallback
from datamodules import ToyDomains
from tests.callbacks.runs import image_names, read_image
from tests.helpers import TINY_SHAPE, quiet_trainer, tiny_wgan, weights
from tests.tiny_domains import TinyDomains, tiny_disco_gan

FILE = "epoch-0001-translations"


def tile(written: Tensor, line: int, column: int) -> Tensor:
    """The image of 8 x 8 at a place of a grid, its first colour in [0, 1]."""
    return written[0, 1 + 9 * line :, 1 + 9 * column :][:8, :8] / 255


def test_six_lines_there_and_back(tmp_path: Path) -> None:
    model, data = tiny_disco_gan(TINY_SHAPE), TinyDomains()
    quiet_trainer(tmp_path, callbacks=[Translations(num_examples=3)]).fit(model, data)
    written = read_image(tmp_path / "images" / f"{FILE}.png")
    assert written.shape == (3, 6 * 9 + 1, 3 * 9 + 1)
    a, b = next(iter(data.val_dataloader()))
    with torch.no_grad():
        to_a, to_b = model.eval().translate_to_a, model.translate_to_b
        lines = (a, to_b(a), to_a(to_b(a)), b, to_a(b), to_b(to_a(b)))
        for line, images in enumerate(lines):
            for column in range(3):
                shown = tile(written, line, column)
                # eight bits a pixel
                torch.testing.assert_close(shown, images[column, 0], rtol=0, atol=1 / 255)


def test_points_of_the_plane(tmp_path: Path) -> None:
    data = ToyDomains(batch_size=16, num_points=100)
    quiet_trainer(tmp_path, callbacks=[Translations()]).fit(tiny_disco_gan(), data)
    assert read_image(tmp_path / "images" / f"{FILE}.png").float().std() > 1


def test_training_items_where_nothing_is_held_out(tmp_path: Path) -> None:
    data = ToyDomains(batch_size=16, num_points=100, num_validation=0)
    quiet_trainer(tmp_path, callbacks=[Translations()]).fit(tiny_disco_gan(), data)
    assert image_names(tmp_path) == {FILE}


def test_what_cannot_be_shown_is_left_out(tmp_path: Path) -> None:
    shape = (2, 8, 4)  # no PNG has two channels
    trainer = quiet_trainer(tmp_path, callbacks=[Translations()])
    trainer.fit(tiny_disco_gan(shape), TinyDomains(image_shape=shape))
    assert image_names(tmp_path) == set()


def test_leaves_no_trace_in_the_model(tmp_path: Path) -> None:
    states = []
    for callbacks in ([], [Translations()]):
        torch.manual_seed(0)
        model = tiny_disco_gan(TINY_SHAPE)
        trainer = quiet_trainer(tmp_path, callbacks=callbacks, max_epochs=2)
        trainer.fit(model, TinyDomains())
        states.append(weights(model))
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_other_models_are_refused() -> None:
    message = r"Translations needs .*`translate_to_b`; WGAN has no `translate_to_a` and `trans"
    with pytest.raises(TypeError, match=message):
        Translations().check_model(tiny_wgan())


@pytest.mark.parametrize(
    "callback", [HistoryAwareSampling(), Interpolation(), LatentMap(), Reconstructions()]
)
def test_callbacks_that_need_latents_refuse_translators(callback: AbstractModelCallback) -> None:
    message = rf"^{type(callback).__name__} needs a model with .*; DiscoGAN has no [^\n]*$"
    with pytest.raises(TypeError, match=message):
        callback.check_model(tiny_disco_gan())


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="`num_examples` must be at least 1, got 0"):
        Translations(num_examples=0)
