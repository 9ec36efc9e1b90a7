"""Reading weights: equal to those saved, or one line of refusal for each kind of damage."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningModule

from lightning_modules import EnergyVAE
from lightning_modules.base.checkpoints import (
    check_members,
    load_members,
    read_checkpoint,
    read_weights,
)
from tests.helpers import (
    TinyImages,
    quiet_trainer,
    same_weights,
    tiny_decoder,
    tiny_encoder,
    tiny_energy_vae,
    tiny_vae,
    tiny_wgan,
    weights,
)

VERSION = {"pytorch-lightning_version": "2.6.0"}


def save(state: dict[str, Any], path: Path) -> None:
    torch.save({"state_dict": state, **VERSION}, path)


def test_weights_are_those_that_were_saved(tmp_path: Path) -> None:
    path, saved, model = tmp_path / "model.ckpt", weights(tiny_wgan()), tiny_wgan()
    before = weights(model)
    torch.save({"state_dict": saved, **VERSION, "optimizer_states": [0]}, path)
    assert same_weights(read_weights(path, model, "path"), saved)
    assert same_weights(weights(model), before)
    assert read_checkpoint(path, "path")["optimizer_states"] == [0]


def test_differences_are_named(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    save(tiny_energy_vae().state_dict(), path)
    message = r"`path` '.*' is of another model than the .* WGAN: it lacks critic\.1\.bias; use the"
    with pytest.raises(ValueError, match=message):
        read_weights(path, tiny_wgan(), "path")
    wider = r"its encoder\.3\.weight has shape \(2, 16\), here it is \(5, 16\)"
    with pytest.raises(ValueError, match=wider):
        read_weights(path, tiny_energy_vae(latent_dim=5), "path")
    save({**tiny_energy_vae().state_dict(), "extra.weight": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match=r"its extra\.weight is unknown here"):
        read_weights(path, tiny_energy_vae(), "path")


@pytest.mark.parametrize("content", [{"state_dict": {}}, VERSION, {"state_dict": 1}, [1]])
def test_files_of_something_else(content: object, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save(content, path)
    message = r"`path` '.*x\.pt' is not a Lightning checkpoint: it has no weights or does not say"
    with pytest.raises(ValueError, match=message):
        read_weights(path, tiny_wgan(), "path")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    with pytest.raises(ValueError, match=r"`path` must be a checkpoint file, .* does not exist"):
        read_checkpoint(path, "path")
    save(tiny_energy_vae().state_dict(), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"`path` .* cannot be read as a checkpoint: it is damag"):
        read_checkpoint(path, "path")
    torch.save({"state_dict": print}, path)  # code, which is not run
    with pytest.raises(ValueError, match="cannot be read as a checkpoint"):
        read_checkpoint(path, "path")


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    save(tiny_wgan().state_dict(), path)
    content = path.read_bytes()
    for length in (0, 1, 4, 100, *range(1000, len(content), 997), len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="cannot be read as a checkpoint"):
            read_weights(path, tiny_wgan(), "path")


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_pickle_is_refused_or_read(seed: int, tmp_path: Path) -> None:
    path, model = tmp_path / "model.ckpt", tiny_wgan()
    save(model.state_dict(), path)
    content = bytearray(path.read_bytes())
    generator = torch.Generator().manual_seed(seed)
    for place in torch.randint(100, 2000, (8,), generator=generator).tolist():
        content[place] = int(torch.randint(256, (), generator=generator))
    path.write_bytes(content)
    with contextlib.suppress(ValueError):  # or it is read, with a number changed
        read_weights(path, model, "path")


def test_weights_that_have_changed_on_the_disk_are_refused(tmp_path: Path) -> None:
    path, model = tmp_path / "model.ckpt", tiny_energy_vae()
    save(model.state_dict(), path)
    written = bytearray(path.read_bytes())
    weight = next(model.decoder.parameters()).detach().numpy().tobytes()
    written[written.index(weight)] ^= 1
    path.write_bytes(written)
    read_checkpoint(path, "path")  # torch does not notice
    with pytest.raises(ValueError, match=r"`path` '.*' is damaged: its bytes are not those that w"):
        read_weights(path, model, "path")


class OneWeight(LightningModule):
    """A model whose file is small enough to damage each of its bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))


@pytest.fixture
def without_sums() -> Iterator[None]:
    """Makes torch write files without check sums."""
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    yield
    torch.serialization.set_crc32_options(before)


def read_each_damaged(path: Path) -> Iterator[str | None]:
    """Flips a bit of one byte after another; yields the message of each reading, or None."""
    model, content = OneWeight(), path.read_bytes()
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            saved = read_weights(path, model, "path")
        except ValueError as error:
            yield str(error)
        else:
            assert same_weights(saved, model.state_dict())
            yield None


def test_any_flipped_bit_is_refused_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    save(OneWeight().state_dict(), path)
    messages = [message for message in read_each_damaged(path) if message is not None]
    assert all(re.fullmatch(f"`path` '{path}' [^\n]*", message) for message in messages)
    assert len(messages) > 800  # all but padding and dates


@pytest.mark.usefixtures("without_sums")
def test_a_file_may_be_without_sums(tmp_path: Path) -> None:
    path, model = tmp_path / "model.ckpt", tiny_wgan()
    save(model.state_dict(), path)
    assert same_weights(read_weights(path, model, "path"), weights(model))


def test_models_that_agree_may_be_of_different_kinds() -> None:
    check_members([tiny_wgan(latent_dim=2), tiny_vae(), tiny_energy_vae()])


def test_disagreement_is_named() -> None:
    target = r"must share one prior, got StandardNormal\(dim=3\) for the first and StandardNo"
    with pytest.raises(ValueError, match=target):
        check_members([tiny_wgan(), tiny_wgan(), tiny_wgan(latent_dim=4)])
    other = EnergyVAE((1, 4, 4), 2, tiny_encoder, tiny_decoder)
    shape = r"must share one image shape, got \(1, 8, 8\) for the first and \(1, 4, 4\) for "
    with pytest.raises(ValueError, match=shape):
        check_members([tiny_vae(), other])
    with pytest.raises(ValueError, match="`members` must be at least one trained model, got none"):
        check_members([])
    with pytest.raises(TypeError, match="`members` must have `prior` and `decode`, got"):
        check_members([tiny_vae(), LightningModule()])


def test_checkpoints_are_loaded_into_copies(tmp_path: Path) -> None:
    model = tiny_wgan()
    before, saved = weights(model), []
    for name in ("a", "b"):
        trained = tiny_wgan()
        trainer = quiet_trainer(tmp_path, limit_train_batches=2)
        trainer.fit(trained, TinyImages(batch_size=16))
        trainer.save_checkpoint(tmp_path / f"{name}.ckpt")
        saved.append(weights(trained))
    members = load_members(model, [tmp_path / "a.ckpt", str(tmp_path / "b.ckpt")])
    assert all(same_weights(weights(m), s) for m, s in zip(members, saved, strict=True))
    assert same_weights(weights(model), before)


def test_files_that_are_no_checkpoint_of_it(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    with pytest.raises(ValueError, match=r"`checkpoints` must be a checkpoint file, got .*x\.ckpt"):
        load_members(tiny_wgan(), [path])
    content = {"state_dict": tiny_vae().state_dict(), "pytorch-lightning_version": "2.6.0"}
    torch.save(content, path)
    with pytest.raises(ValueError, match=r"`checkpoints` '.*x\.ckpt' is of another model .* WGAN"):
        load_members(tiny_wgan(), [path])
