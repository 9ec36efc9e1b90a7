"""Training steps per second of GANs: this project, bare PyTorch loops, and a common pattern.

    HAWC_DATA=<folder with MNIST/raw> python -m benchmarks.peers_gan [--rounds 3]

There are two pairs: fully connected networks on 28 x 28 digits (configs/gan_mnist.yaml with such
networks and plain Adam) and DCGAN-like ones on 32 x 32 images (configs/wgan_cifar.yaml, random
images in place of CIFAR-10). Each contestant trains in a separate process, in alternating phases
(benchmarks/phases.py):

- the bare loop does only what a step needs: images gathered from memory, fakes without a graph,
  real and fake images in one pass, the critic frozen during the generator's step;
- the pattern is that of many scripts: a data set under a DataLoader decodes and scales examples one
  by one, and fakes are not detached, so the critic's step backpropagates through the generator;
- this project's steps are those of `train.py` with its default logging.

Writes benchmarks/results/peers_gan.md after each launch.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.functional import normalize, pil_to_tensor, to_pil_image

# no import of Lightning: it changes environment variables, which processes inherit
from benchmarks.bare_loops import random_examples
from benchmarks.phases import STEADY_MALLOC, Contestant, Schedule, Tick
from benchmarks.step_times import Times, launch, table, verdict, waiting
from networks import ConvDecoder, ConvEncoder, MLPDecoder, MLPEncoder

RESULTS = Path(__file__).parent / "results" / "peers_gan.md"
BARE, OURS, PATTERN = "bare PyTorch loop", "train.py", "per-example loader, fakes not detached"
BATCH_SIZE = 64
DIGITS, COLORS = (1, 28, 28), (3, 32, 32)
GENERATOR_WIDTHS, CRITIC_WIDTHS = (256, 512, 1024), (512, 256)
MLP_SCHEDULE = Schedule(blocks=30, length=10, skipped=20)
CONV_SCHEDULE = Schedule(blocks=12, length=5, skipped=5)  # a block has one generator step
N_CRITIC, CLIP = 5, 0.01
MLP_WORDS = (
    *("--model.latent_dim", "100", "--model.real_label", "1.0"),
    *("--model.generator", "networks.MLPDecoder"),
    *("--model.generator.init_args.widths", str(list(GENERATOR_WIDTHS))),
    *("--model.critic", "networks.MLPEncoder"),
    *("--model.critic.init_args.widths", str(list(CRITIC_WIDTHS))),
    *("--model.generator_optimizer.init_args.fused", "false"),
    *("--model.critic_optimizer.init_args.fused", "false"),
)


class DecodedImages(Dataset[Tensor]):
    """Images that are decoded, converted to tensors and scaled one by one."""

    def __init__(self, images: Tensor) -> None:
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Tensor:
        image = to_pil_image(self._images[index])
        return normalize(pil_to_tensor(image).float() / 255, [0.5], [0.5])


def adam(network: nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))


def mlp_pair() -> tuple[nn.Module, nn.Module]:
    """Returns a new generator and critic of the first pair."""
    generator = nn.Sequential(MLPDecoder(DIGITS, 100, GENERATOR_WIDTHS), nn.Tanh())
    return generator, MLPEncoder(DIGITS, 1, CRITIC_WIDTHS)


def bare_gan(tick: Tick) -> None:
    """Trains the fully connected pair by a bare loop."""
    images = random_examples(DIGITS, MLP_SCHEDULE.steps * BATCH_SIZE)
    generator, critic = mlp_pair()
    critic_optimizer, generator_optimizer = adam(critic), adam(generator)
    for index in torch.randperm(len(images)).split(BATCH_SIZE):
        real = images.index_select(0, index).float().div_(127.5).sub_(1)
        with torch.no_grad():
            fake = generator(torch.randn(len(real), 100))
        critic_optimizer.zero_grad()
        on_real, on_fake = critic(torch.cat((real, fake))).chunk(2)
        (softplus(-on_real).mean() + softplus(on_fake).mean()).backward()
        critic_optimizer.step()
        critic.requires_grad_(False)
        generator_optimizer.zero_grad()
        softplus(-critic(generator(torch.randn(len(real), 100)))).mean().backward()
        generator_optimizer.step()
        critic.requires_grad_(True)
        tick()


def pattern_gan(tick: Tick) -> None:
    """Trains the same pair by the common pattern."""
    data = DecodedImages(random_examples(DIGITS, MLP_SCHEDULE.steps * BATCH_SIZE))
    generator, critic = mlp_pair()
    critic_optimizer, generator_optimizer = adam(critic), adam(generator)
    criterion = nn.BCEWithLogitsLoss()
    for real in DataLoader(data, BATCH_SIZE, shuffle=True):
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        critic_optimizer.zero_grad()
        fake = generator(torch.randn(len(real), 100))
        (criterion(critic(real), ones) + criterion(critic(fake), zeros)).backward()
        critic_optimizer.step()
        generator_optimizer.zero_grad()
        fake = generator(torch.randn(len(real), 100))
        criterion(critic(fake), ones).backward()
        generator_optimizer.step()
        tick()


def bare_wgan(tick: Tick) -> None:
    """Trains the convolutional pair by a bare loop."""
    images = random_examples(COLORS, CONV_SCHEDULE.steps * BATCH_SIZE)
    generator = nn.Sequential(ConvDecoder(COLORS, 100), nn.Tanh())
    critic = ConvEncoder(COLORS, 1)
    critic_optimizer = torch.optim.RMSprop(critic.parameters(), lr=5e-5)
    generator_optimizer = torch.optim.RMSprop(generator.parameters(), lr=5e-5)
    for number, index in enumerate(torch.randperm(len(images)).split(BATCH_SIZE), start=1):
        real = images.index_select(0, index).float().div_(127.5).sub_(1)
        with torch.no_grad():
            fake = generator(torch.randn(len(real), 100))
        critic_optimizer.zero_grad()
        (critic(fake).mean() - critic(real).mean()).backward()
        critic_optimizer.step()
        with torch.no_grad():
            for weight in critic.parameters():
                weight.clamp_(-CLIP, CLIP)
        if number % N_CRITIC == 0:
            critic.requires_grad_(False)
            generator_optimizer.zero_grad()
            (-critic(generator(torch.randn(len(real), 100))).mean()).backward()
            generator_optimizer.step()
            critic.requires_grad_(True)
        tick()


def our_gan(tick: Tick) -> None:
    """Runs train.py on the fully connected pair."""
    from benchmarks.tick_callback import train_and_tick

    with tempfile.TemporaryDirectory() as folder:
        train_and_tick("gan_mnist", MLP_WORDS, folder, tick)


def our_wgan(tick: Tick) -> None:
    """Runs train.py on the convolutional pair."""
    from benchmarks.tick_callback import train_and_tick

    images = random_examples(COLORS, CONV_SCHEDULE.steps * BATCH_SIZE)
    with tempfile.TemporaryDirectory() as folder, random_cifar(images):
        train_and_tick("wgan_cifar", [], folder, tick)


def random_cifar(images: Tensor) -> object:
    """Returns a context in which CIFAR10 serves these images instead of files."""
    from unittest import mock

    from datamodules import CIFAR10

    return mock.patch.multiple(
        CIFAR10,
        prepare_data=lambda self: None,
        read=lambda self, train: (images, torch.zeros(len(images), dtype=torch.int64)),
    )


MLP_RUNS: dict[str, Contestant] = {BARE: bare_gan, PATTERN: pattern_gan, OURS: our_gan}
CONV_RUNS: dict[str, Contestant] = {BARE: bare_wgan, OURS: our_wgan}


def page(mlp: Times, conv: Times, threads: int, rounds: int) -> Iterator[str]:
    """Yields the page of results."""
    yield "# Training steps of GANs\n"
    yield f"`python -m benchmarks.peers_gan --rounds {rounds} --threads {threads}`\n"
    terminal = "a terminal" if sys.stdout.isatty() else "no terminal"
    yield (
        f"Batches of {BATCH_SIZE}, {threads} of {os.cpu_count()} CPU cores, torch "
        f"{torch.__version__}, output to {terminal}; memory kept by the C "
        "library (phases.STEADY_MALLOC).\n"
    )
    yield f"## Fully connected, 28 x 28, blocks of {MLP_SCHEDULE.length} steps\n"
    yield from table(mlp, MLP_SCHEDULE.length, BARE)
    yield ""
    yield verdict(mlp, OURS, BARE, at_most=1.05)
    yield verdict(mlp, PATTERN, OURS, at_least=1.4)
    yield waiting(mlp)
    yield f"\n## DCGAN-like WGAN, 32 x 32, blocks of {CONV_SCHEDULE.length} critic steps\n"
    yield from table(conv, CONV_SCHEDULE.length, BARE)
    yield ""
    yield verdict(conv, OURS, BARE, at_most=1.01)
    yield waiting(conv)


def main() -> None:
    """Prints the page and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="launches of all")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    # inherited by the contestants' processes
    os.environ.update(STEADY_MALLOC, OMP_NUM_THREADS=str(arguments.threads))
    mlp: Times = {}
    conv: Times = {}
    for number in range(arguments.rounds):
        launch(MLP_RUNS, MLP_SCHEDULE, number, mlp)
        launch(CONV_RUNS, CONV_SCHEDULE, number, conv)
        text = "\n".join(page(mlp, conv, arguments.threads, number + 1))
        RESULTS.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
