"""Offline without a key, and never against the user's word."""

import os
from pathlib import Path

import pytest
import wandb

from commands.errors import UsageError
from commands.run.wandb_mode import settle_wandb_mode


@pytest.fixture(autouse=True)
def no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_MODE", "")
    netrc = tmp_path / "netrc"
    monkeypatch.setenv("NETRC", str(netrc))
    return netrc


def test_offline_without_a_key() -> None:
    notice = settle_wandb_mode()
    assert notice is not None
    assert "\n" not in notice
    assert "wandb login" in notice
    assert os.environ["WANDB_MODE"] == "offline"


@pytest.mark.parametrize("mode", ["online", "offline", "disabled"])
def test_a_chosen_mode_stays(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", mode)
    assert settle_wandb_mode() is None
    assert os.environ["WANDB_MODE"] == mode


def test_an_unknown_mode_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "nonsense")
    with pytest.raises(UsageError, match=r"WANDB_MODE must be online, .* got 'nonsense'"):
        settle_wandb_mode()


def test_a_key_in_the_environment_means_online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    assert settle_wandb_mode() is None
    assert os.environ["WANDB_MODE"] == ""


def test_a_key_in_netrc_means_online(no_key: Path) -> None:
    host = wandb.Settings().base_url.split("//")[1]
    no_key.write_text(f"machine {host}\n login user\n password {'x' * 40}\n")
    assert settle_wandb_mode() is None


@pytest.mark.parametrize("content", ["machine elsewhere login a password b\n", "machine {{{\n b\n"])
def test_other_or_broken_netrc_means_offline(no_key: Path, content: str) -> None:
    no_key.write_text(content)
    assert settle_wandb_mode() is not None
