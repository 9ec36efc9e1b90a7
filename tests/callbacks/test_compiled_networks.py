"""Compiled networks: few compilations, equal weights, equal checkpoints, refusals.

For comparisons of numbers the backend only counts and returns the graph unchanged. Its results are
bitwise those of PyTorch without compilation, and it needs no C++ compiler.
"""

import logging
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningDataModule, LightningModule, Trainer, seed_everything
from torch import Tensor, nn
from torch._dynamo import register_backend

from callbacks import CompiledNetworks, CriticSlopes, GeneratorEMA, HistoryAwareSampling
from commands.errors import UsageError
from commands.run.checks import check_run
from lightning_modules import GAN, WGANGP, MeanField
from networks import ConvDecoder, ConvEncoder
from tests.helpers import (
    TINY_SHAPE,
    TinyImages,
    quiet_trainer,
    same_weights,
    tiny_decoder,
    tiny_ebgan,
    tiny_encoder,
    tiny_energy_vae,
    tiny_sngan,
    tiny_vae,
    tiny_wgan,
    weights,
)
from tests.tiny_domains import TinyDomains, tiny_disco_gan

Graph = torch.fx.GraphModule
COMPILED: list[Graph] = []

# torch 2.11 fails to compile shape checks, which only tests enable
pytestmark = pytest.mark.usefixtures("no_shape_checks")


def counting(graph: Graph, examples: list[Tensor]) -> Callable[..., Any]:
    """Counts a compilation and returns the graph unchanged."""
    COMPILED.append(graph)
    return graph.forward


register_backend(counting, name="counting")  # type: ignore[no-untyped-call]
Counting = partial(CompiledNetworks, backend="counting")


@pytest.fixture(autouse=True)
def clean_compiler() -> Iterator[None]:
    """Clears compiled code and restores the limit of compilations."""
    limit = torch.compiler.config.recompile_limit
    torch.compiler.reset()
    COMPILED.clear()
    yield
    torch.compiler.config.recompile_limit = limit
    torch.compiler.reset()


def conv_gan(**arguments: Any) -> GAN:
    """Returns a GAN with batch norms, which alternating steps freeze."""
    generator, critic = (partial(network, width=4) for network in (ConvDecoder, ConvEncoder))
    return GAN(TINY_SHAPE, 3, generator, critic, **arguments)


def wgan_gp(**arguments: Any) -> WGANGP:
    return WGANGP(TINY_SHAPE, 3, tiny_decoder, tiny_encoder, n_critic=2, **arguments)


MODELS: dict[str, Callable[[], LightningModule]] = {
    "EnergyVAE": tiny_energy_vae,
    "VAE": tiny_vae,
    "GAN": conv_gan,
    "WGAN": tiny_wgan,
    "WGANGP": wgan_gp,
    "SNGAN": tiny_sngan,
    "EBGAN": tiny_ebgan,
    "DiscoGAN": partial(tiny_disco_gan, TINY_SHAPE),
}
# one compilation for the first batch size and one for all, for each of: trained, frozen, evaluated
BOUNDS = {name: 2 * 3 * (4 if name == "DiscoGAN" else 2) for name in MODELS}
BOUNDS["WGANGP"] = 2 * 3  # only the generator


class Note(Callback):
    """Records the number of compilations at the end of each epoch."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.counts.append(len(COMPILED))


def train(
    folder: Path,
    name: str,
    *callbacks: Callback,
    epochs: int = 2,
    ckpt_path: Path | None = None,
) -> LightningModule:
    """Trains at least three steps per epoch, and saves a checkpoint."""
    data: LightningDataModule = (
        TinyDomains(batch_size=12) if name == "DiscoGAN" else TinyImages(batch_size=24)
    )
    seed_everything(3, verbose=False)
    model = MODELS[name]()
    trainer = quiet_trainer(folder, max_epochs=epochs, callbacks=list(callbacks))
    trainer.fit(model, data, ckpt_path=ckpt_path)
    trainer.save_checkpoint(folder / f"{len(callbacks)}-{epochs}.ckpt")
    return model


@pytest.mark.parametrize("name", MODELS)
def test_weights_are_equal_and_compilations_few(name: str, tmp_path: Path) -> None:
    plain = train(tmp_path, name, epochs=5)
    assert not COMPILED
    note = Note()
    compiled = train(tmp_path, name, Counting(), note, epochs=5)
    assert same_weights(weights(plain), weights(compiled))
    assert 1 <= note.counts[1] <= BOUNDS[name]
    assert note.counts[4] == note.counts[1]  # none in later epochs


@pytest.mark.integration
@pytest.mark.parametrize("name", ["EnergyVAE", "GAN", "SNGAN"])
def test_checkpoints_resume_with_and_without_it(name: str, tmp_path: Path) -> None:
    whole = weights(train(tmp_path, name, epochs=3))
    train(tmp_path, name, epochs=1)
    train(tmp_path, name, Counting(), epochs=1)
    plain, compiled = (
        torch.load(tmp_path / f"{number}-1.ckpt", weights_only=True) for number in (0, 1)
    )
    assert same_weights(plain["state_dict"], compiled["state_dict"])
    for number, callbacks in ((0, [Counting()]), (1, []), (1, [Counting()])):
        path = tmp_path / f"{number}-1.ckpt"
        resumed = train(tmp_path, name, *callbacks, epochs=3, ckpt_path=path)
        assert same_weights(weights(resumed), whole)


def test_images_and_averages_with_it(tmp_path: Path) -> None:
    states = []
    for compiling in ([], [Counting()]):
        torch.compiler.reset()
        seed_everything(3, verbose=False)
        model, ema = conv_gan(), GeneratorEMA(0.9)
        others = [ema, CriticSlopes(8), HistoryAwareSampling(4, use_ema=True)]
        quiet_trainer(tmp_path, max_epochs=2, callbacks=[*compiling, *others]).fit(
            model, TinyImages(batch_size=24)
        )
        states.append({**weights(model), **ema.state_dict()["average"]})
    assert same_weights(*states)
    assert len(COMPILED) <= BOUNDS["GAN"]


def test_only_named_networks_are_compiled(tmp_path: Path) -> None:
    model = tiny_wgan()
    callback = Counting(networks=["critic"])
    trainer = quiet_trainer(tmp_path, callbacks=[callback], fast_dev_run=1)
    trainer.fit(model, TinyImages(batch_size=24))
    sizes = {value.shape for graph in COMPILED for value in _weights_of(graph)}
    critic = {value.shape for value in model.critic.parameters()}
    assert sizes
    assert sizes <= critic


def _weights_of(graph: Graph) -> Iterator[Tensor]:
    for node in graph.graph.nodes:
        value = node.meta.get("example_value")
        if node.op == "placeholder" and isinstance(value, nn.Parameter):
            yield value


def test_mode_and_backend_reach_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, Any]] = []
    monkeypatch.setattr(nn.Module, "compile", lambda self, **settings: given.append(settings))
    trainer = quiet_trainer(tmp_path, callbacks=[Counting(mode="max-autotune")], fast_dev_run=1)
    trainer.fit(tiny_wgan(), TinyImages(batch_size=24))
    assert given == [{"mode": "max-autotune", "backend": "counting"}] * 2


def test_nothing_is_compiled_to_validate(tmp_path: Path) -> None:
    trainer = quiet_trainer(tmp_path, callbacks=[Counting()])
    trainer.validate(tiny_energy_vae(), TinyImages(batch_size=24), verbose=False)
    assert not COMPILED


def test_the_limit_of_compilations_is_per_network(tmp_path: Path) -> None:
    torch.compiler.config.recompile_limit = 8
    model = tiny_disco_gan(TINY_SHAPE)
    trainer = quiet_trainer(tmp_path, callbacks=[Counting()], fast_dev_run=1)
    trainer.fit(model, TinyDomains(batch_size=12))
    assert torch.compiler.config.recompile_limit == 4 * 8


def test_a_critic_with_a_gradient_penalty_is_left_out_with_a_message(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = wgan_gp()
    with caplog.at_level(logging.INFO):
        trainer = quiet_trainer(tmp_path, callbacks=[Counting()], fast_dev_run=1)
        trainer.fit(model, TinyImages(batch_size=24))
    messages = [line for line in caplog.messages if "CompiledNetworks" in line]
    assert messages == [
        "CompiledNetworks leaves out critic: WGANGP differentiates it twice, which torch.compile "
        "does not support."
    ]


def test_a_critic_with_a_gradient_penalty_cannot_be_named(tmp_path: Path) -> None:
    message = r"`networks` must not name a network that WGANGP .* got critic; possible: generator\."
    with pytest.raises(ValueError, match=message):
        Counting(["generator", "critic"]).check_model(wgan_gp())


@pytest.mark.skipif(torch.__version__ < (2, 15), reason="torch 2.11 raises no error")
def test_torch_does_not_differentiate_compiled_networks_twice() -> None:
    # once it does not raise, remove `double_backward_networks` from WGANGP
    network, x = nn.Linear(3, 1), torch.ones(2, 3, requires_grad=True)
    network.compile(backend="aot_eager")
    (gradient,) = torch.autograd.grad(network(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="does not currently support double backward"):
        gradient.sum().backward()


@pytest.mark.parametrize("named", [["decoder"], ["critic", "discriminator"], []])
def test_unknown_networks(named: list[str], tmp_path: Path) -> None:
    message = r"`networks` must name at least one network that WGAN trains, got .*; known: gene"
    with pytest.raises(ValueError, match=message):
        quiet_trainer(tmp_path, callbacks=[Counting(named)]).fit(tiny_wgan(), TinyImages(8))


def test_the_command_line_refuses_before_it_writes(tmp_path: Path) -> None:
    trainer = quiet_trainer(tmp_path, callbacks=[Counting(["nothing"])])
    with pytest.raises(UsageError, match=r"got \['nothing'\]; known: generator, critic"):
        check_run("fit", trainer, tiny_wgan(), TinyImages(batch_size=24))


def test_a_model_without_networks() -> None:
    with pytest.raises(ValueError, match="needs a model with networks, got MeanField; remove"):
        CompiledNetworks().check_model(MeanField((2,)))


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.setenv("CXX", "no-such-compiler")
    message = "`backend` inductor needs a C.. compiler, got no no-such-compiler; install it"
    with pytest.raises(ValueError, match=message):
        CompiledNetworks().check_surroundings([], None)
    Counting().check_surroundings([], None)  # a backend without a compiler
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    CompiledNetworks().check_surroundings([], None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"backend": "gcc"},
            "`backend` must be known to torch.compile, got gcc; known: .*inductor",
        ),
        ({"mode": "fast"}, "`mode` must be one of default, reduce-overhead, .* got fast"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CompiledNetworks(**arguments)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_compiled_kernels_train_alike(tmp_path: Path) -> None:
    plain = weights(train(tmp_path, "WGAN"))
    compiled = weights(train(tmp_path, "WGAN", CompiledNetworks()))
    for name, value in plain.items():
        # RMSprop divides by a root: roundings of float32 in six steps of 5e-5
        torch.testing.assert_close(compiled[name], value, rtol=0, atol=1e-6)
