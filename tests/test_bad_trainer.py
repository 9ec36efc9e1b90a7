"""The table of mistakes goes on with the trainer's options, seeds and numbers."""

from pathlib import Path

import pytest

from tests.mistakes import BASE, Mistake, check_refusal, each_mistake

CPU = (*BASE, "--trainer.accelerator", "cpu", "--trainer.callbacks", "null")
SCHEDULERS = "torch.optim.lr_scheduler"

TABLE: list[Mistake] = [
    (
        "export of nothing",
        ("export",),
        r"a run's folder is required, e\.g\. train\.py export",
    ),
    ("a folder as file", ("--config", "."), r"`--config` must name a file, got the folder '\.'"),
    (
        "accumulation of nothing",
        (*CPU, "--trainer.accumulate_grad_batches", "0"),
        r"`trainer\.accumulate_grad_batches` must be greater than 0, got 0",
    ),
    (
        "training of no epoch",
        (*CPU, "--trainer.max_epochs", "0"),
        r"`trainer\.max_epochs` must be greater than 0 for `fit`, got 0, so nothing would be train",
    ),
    (
        "training of no step",
        (*CPU, "--trainer.max_steps", "0"),
        r"`trainer\.max_steps` must be greater than 0 for `fit`, got 0",
    ),
    (
        "training of no batch",
        (*CPU, "--trainer.limit_train_batches", "0"),
        r"`trainer\.limit_train_batches` must be greater than 0 for `fit`, got 0",
    ),
    (
        "validation every 0 epochs",
        (*CPU, "--trainer.check_val_every_n_epoch", "0"),
        r"`trainer\.check_val_every_n_epoch` must be greater than 0, got 0",
    ),
    (
        "validation every 0 steps",
        (*CPU, "--trainer.val_check_interval", "0"),
        r"`trainer\.val_check_interval` must be greater than 0, got 0",
    ),
    (
        "validation after more steps than there are",
        (*CPU, "--trainer.val_check_interval", "41"),
        r"`trainer\.val_check_interval` must be at most 40, the batches of an epoch, got 41; set",
    ),
    (
        "validation after more steps than are made",
        (*CPU, "--trainer.val_check_interval", "4", "--trainer.limit_train_batches", "3"),
        r"`trainer\.val_check_interval` must be at most 3, the batches of an epoch, got 4; set",
    ),
    (
        "less than a batch",
        (*CPU, "--trainer.limit_train_batches", "0.02"),
        r"`trainer\.limit_train_batches` must be .* one of the 40 for training, got 0\.02; give",
    ),
    (
        "less than a batch for validation",
        (*CPU, "--trainer.limit_val_batches", "0.1"),
        r"`trainer\.limit_val_batches` must be .* one of the 5 for validation, got 0\.1; give 1",
    ),
    (
        "less than a batch to overfit",
        (*CPU, "--trainer.overfit_batches", "0.00001"),
        r"`trainer\.overfit_batches` must be .* one of the 41 for training, got 1e-05; give 1",
    ),
    (
        "negative devices",
        (*CPU, "--trainer.devices", "-1"),
        r"`trainer\.devices` must be auto or a number of processes above 0, .*, got -1",
    ),
    (
        "devices in words",
        (*CPU, "--trainer.devices", "many"),
        r"`trainer\.devices` must be auto or a number of processes above 0, .*, got many",
    ),
    ("accelerator whose library is missing", (*CPU, "--trainer.accelerator", "tpu"), r"torch_xla"),
    ("negative seed", (*CPU, "--seed_everything", "-1"), r"must be 0 to 4294967295, got -1"),
    ("large seed", (*CPU, "--seed_everything", "4294967296"), r"must be 0 to 4294967295, got 4"),
    ("empty checkpoint name", (*CPU, "--ckpt_path", ""), r"`ckpt_path` must be .*, got ''; name"),
    (
        "a function in place of a network",
        (*CPU, "--model.encoder", "math.sqrt"),
        r"`encoder` must be a class or function that makes a Module, got math\.sqrt",
    ),
    (
        "a number in place of a sequence",
        (*CPU, "--model.encoder.widths", "200"),
        r"`widths` must be .*Sequence, got 200\. Write it as '\[200\]', or several as '\[a, b\]'",
    ),
    (
        "name that leads away",
        (*CPU, "--name", "../x"),
        r"`name` must be .* within runs, got '\.\./x'",
    ),
    (
        "name with a root",
        (*CPU, "--name", "/x"),
        r"`name` must be .* within runs, got '/x'; name a",
    ),
    (
        "a schedule without its steps",
        (*CPU, "--model.scheduler", f"{SCHEDULERS}.StepLR"),
        r"`step_size` of StepLR must be given\. See train\.py fit --help",
    ),
    (
        "a schedule of no steps",
        (*CPU, "--model.scheduler", f"{SCHEDULERS}.StepLR", "--model.scheduler.step_size", "0"),
        r"an optimizer of EnergyVAE is refused: `scheduler` must .* fails: integer modulo by zero",
    ),
    (
        "learning rate in words",
        (*CPU, "--model.optimizer.lr", "five"),
        r"`lr` must be float, got five",
    ),
]


@each_mistake(TABLE)
def test_one_plain_line_and_nothing_written(
    mistake: Mistake,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    check_refusal(mistake, tmp_path, monkeypatch, capfd)
