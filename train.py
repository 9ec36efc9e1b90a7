"""Trains and evaluates generative models from configuration files.

    python train.py --config configs/energy_vae_mnist5k.yaml
    python train.py --config configs/wgan_cifar.yaml --trainer.max_epochs 5 --model.n_critic 3
    python train.py test --config runs/.../config.yaml --ckpt_path runs/.../checkpoints/last.ckpt

The default command is `fit`. A wrong option ends with status 2 and one line on stderr, Ctrl-C with
status 130 and one line.
"""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path


def _end(number: int, frame: object) -> None:
    """Ends the program at once: its imports and its exit have nothing to tidy up."""
    if not int(os.environ.get("LOCAL_RANK") or os.environ.get("SLURM_LOCALID") or 0):
        os.write(2, b"train.py: error: interrupted.\n")
    os._exit(128 + number)


# a background job of a shell ignores Ctrl-C, and keeps doing so
_HANDLES_INTERRUPTS = signal.getsignal(signal.SIGINT) is signal.default_int_handler
if __name__ == "__main__" and _HANDLES_INTERRUPTS:
    signal.signal(signal.SIGINT, _end)

# Spinning OpenMP threads make two busy cores up to 20 times slower. Read when torch is loaded.
if os.environ.get("HAWC_PERFORMANCE") != "off":
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

try:
    from commands.main import run
except ModuleNotFoundError as error:
    package = (error.name or "").partition(".")[0]
    if package in ("", *sys.stdlib_module_names) or (Path(__file__).parent / package).exists():
        raise
    programs = Path(__file__).parent / ".venv" / "bin"
    shown = Path(os.path.relpath(programs))
    advice = "make an environment as README.md says: `python3 -m venv .venv && .venv/bin/pip "
    advice += "install -e '.[train]'`, then `.venv/bin/python train.py ...`."
    if (programs / "python").exists() and programs != Path(sys.executable).parent:
        advice = f"run `{shown / 'python'} train.py ...`, or activate the environment first: "
        advice += f"`. {shown / 'activate'}`."
    message = f"train.py: error: {package} is not installed for {sys.executable}; {advice}"
    print(message, file=sys.stderr)
    sys.exit(2)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line; `arguments` replace sys.argv[1:] during the call."""
    given = sys.argv
    sys.argv = [*(given[:1] or [__file__]), *(given[1:] if arguments is None else arguments)]
    try:
        run()
    finally:
        sys.argv = given


if __name__ == "__main__":
    if _HANDLES_INTERRUPTS:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        main()
    finally:  # all has been said
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, lambda *_: os._exit(130))
