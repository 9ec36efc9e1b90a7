"""The contestants do the same work, and the table says what was measured."""

from pathlib import Path

import pytest
import torch

from benchmarks import peers_vae, stopwatch
from benchmarks.peers_vae import BARE, OURS, PEER, bare_loop, bare_loss, networks, report
from benchmarks.stopwatch import BLOCK, Stopwatch, StopwatchCallback
from lightning_modules import VAE
from tests.helpers import TinyImages, quiet_trainer, tiny_energy_vae


def test_the_bare_loss_is_ours() -> None:
    images = torch.rand(5, 1, 28, 28)
    encoder, decoder = networks()
    ours = VAE((1, 28, 28), 16, lambda *_: encoder, lambda *_: decoder)
    torch.manual_seed(1)
    expected = ours.losses(images)["loss"]
    torch.manual_seed(1)
    # sums of 3,920 float32 terms in another order
    torch.testing.assert_close(bare_loss(encoder, decoder, images), expected, rtol=1e-5, atol=0)


def test_pythaes_loss_is_ours() -> None:
    pytest.importorskip("pythae")
    from benchmarks import pythae_vae

    images = torch.randint(0, 256, (5, 1, 28, 28), dtype=torch.uint8)
    encoder, decoder = networks()
    data = pythae_vae.data_set(images)
    torch.manual_seed(1)
    loss = pythae_vae.model(encoder, decoder, 16)({"data": data.data}).loss
    torch.manual_seed(1)
    expected = bare_loss(encoder, decoder, images / 255)
    # a logarithm of a sigmoid there, of the logit here
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=0)


def test_pythae_ticks_at_each_step() -> None:
    pytest.importorskip("pythae")
    from benchmarks import pythae_vae

    ticks: list[None] = []
    data = pythae_vae.data_set(torch.zeros(12, 1, 28, 28, dtype=torch.uint8))
    vae = pythae_vae.model(*networks(), 16)
    pythae_vae.train(vae, data, 4, lambda: ticks.append(None))
    assert len(ticks) == 3


def test_the_bare_loop_ticks_at_each_step() -> None:
    watch = Stopwatch(skipped=1)
    bare_loop(torch.zeros(BLOCK + 1, 1, 28, 28, dtype=torch.uint8), 1, watch)
    wall, processor = watch.milliseconds()
    assert wall > 0
    assert processor > 0


def test_the_callback_ticks_at_each_batch(tmp_path: Path) -> None:
    StopwatchCallback.watch = watch = Stopwatch(skipped=1)
    trainer = quiet_trainer(tmp_path, callbacks=[StopwatchCallback()], limit_val_batches=0)
    trainer.fit(tiny_energy_vae(), TinyImages(batch_size=12))
    with pytest.raises(RuntimeError, match=r"51 steps are needed, got 6\."):
        watch.milliseconds()


def test_stopwatch_takes_medians_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    # the second of three blocks was disturbed
    walls = iter([5.0, 5.0 + BLOCK, 5.0 + 4 * BLOCK, 5.0 + 5 * BLOCK])
    processors = iter([1.0, 1.0 + BLOCK / 2, 1.0 + BLOCK, 1.0 + 1.5 * BLOCK])

    class Clock:
        perf_counter = staticmethod(lambda: next(walls))
        process_time = staticmethod(lambda: next(processors))

    monkeypatch.setattr(stopwatch, "time", Clock)
    watch = Stopwatch(skipped=3)
    for _ in range(3 + 3 * BLOCK):
        watch.tick()
    assert watch.milliseconds() == (1000, 500)


def test_report() -> None:
    times = {
        BARE: [(10.0, 5.0), (20.0, 10.0), (10.0, 5.0)],
        OURS: [(10.2, 5.0), (22.0, 10.0), (10.4, 5.0)],
        PEER: [(12.0, 6.0), (24.2, 10.0), (12.0, 7.0)],
    }
    lines = list(report(times))
    assert lines[3] == (
        f"| {OURS} | 10.40 | 5.00 | 96 | 1.04 (1.02 to 1.10) | 1.00 (1.00 to 1.00) |"
    )
    assert lines[-2] == (
        "Time over the bare loop's: 1.04 (1.02 to 1.10), at most 1.05 required: holds."
    )
    assert lines[-1] == (
        "Steps/s over pythae's: 1.15 (1.10 to 1.18), at least 1.15 required: holds."
    )


def test_report_says_what_falls_short_and_what_is_missing() -> None:
    lines = list(report({BARE: [(10.0, 5.0)], OURS: [(10.6, 5.0)]}))
    assert "1.06 (1.06 to 1.06), at most 1.05 required: **does not hold**" in lines[-2]
    assert lines[-1] == "pythae's trainer is missing: the package pythae is not installed."


def test_the_networks_are_the_configurations() -> None:
    text = (peers_vae.ROOT / "configs" / "vae_mnist.yaml").read_text()
    assert text.count(f"widths: {list(peers_vae.WIDTHS)}") == 2
    assert f"latent_dim: {peers_vae.LATENT_DIM}" in text
