"""Whether Weights & Biases can be reached: without a key it works offline, and says so."""

import netrc
import os
from pathlib import Path
from urllib.parse import urlparse

import wandb

from commands.errors import UsageError

__all__ = ["settle_wandb_mode"]

_MODES = ("online", "offline", "shared", "disabled", "dryrun", "run")


def settle_wandb_mode() -> str | None:
    """Sets WANDB_MODE to offline where neither it nor a key is there; never asks, never waits.

    Returns:
        A line that says how to go online, or None where the user has already chosen.

    Raises:
        UsageError: if WANDB_MODE names no mode of W&B.
    """
    mode = os.environ.get("WANDB_MODE")
    if mode and mode not in _MODES:
        raise UsageError(f"WANDB_MODE must be online, offline or disabled, got '{mode}'; unset it.")
    if mode or _has_key():
        return None
    os.environ["WANDB_MODE"] = "offline"
    return (
        "W&B: no API key found, logging offline (upload later with `wandb sync`; `wandb login` or "
        "WANDB_API_KEY=... to go online, WANDB_MODE=disabled to switch off)"
    )


def _has_key() -> bool:
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    host = urlparse(wandb.Settings().base_url).hostname
    files = [os.environ["NETRC"]] if "NETRC" in os.environ else ["~/.netrc", "~/_netrc"]
    for file in files:
        path = Path(file).expanduser()
        try:
            if path.is_file() and host and netrc.netrc(path).authenticators(host):
                return True
        except (OSError, netrc.NetrcParseError):
            continue  # wandb could not read a key from it either
    return False
