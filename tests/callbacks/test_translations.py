"""Images and points translated to the other domain and back."""

from pathlib import Path

import pytest
import torch

from callbacks import Translations
from datamodules import ToyDomains
from tests.callbacks.runs import image_names, read_image
from tests.callbacks.test_reconstructions import tile
from tests.helpers import TINY_SHAPE, quiet_trainer, tiny_wgan, weights
from tests.tiny_domains import TinyDomains, tiny_disco_gan

FILE = "epoch-0001-translations"


def test_six_lines_of_images(tmp_path: Path) -> None:
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
                # eight bits per pixel
                torch.testing.assert_close(shown, images[column, 0], rtol=0, atol=1 / 255)


def test_points_in_the_plane(tmp_path: Path) -> None:
    data = ToyDomains(batch_size=16, num_points=100)
    quiet_trainer(tmp_path, callbacks=[Translations()]).fit(tiny_disco_gan(), data)
    assert read_image(tmp_path / "images" / f"{FILE}.png").float().std() > 1


def test_training_examples_without_validation(tmp_path: Path) -> None:
    data = ToyDomains(batch_size=16, num_points=100, num_validation=0)
    quiet_trainer(tmp_path, callbacks=[Translations()]).fit(tiny_disco_gan(), data)
    assert image_names(tmp_path) == {FILE}


def test_images_of_two_channels_are_not_shown(tmp_path: Path) -> None:
    shape = (2, 8, 4)  # PNG does not support two channels
    trainer = quiet_trainer(tmp_path, callbacks=[Translations()])
    trainer.fit(tiny_disco_gan(shape), TinyDomains(image_shape=shape))
    assert image_names(tmp_path) == set()


def test_weights_do_not_depend_on_it(tmp_path: Path) -> None:
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


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="`num_examples` must be at least 1, got 0"):
        Translations(num_examples=0)
