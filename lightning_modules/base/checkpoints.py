"""Reads weights of checkpoints safely, and checks members of ensembles.

Checkpoints may come from other people and other disks: files are read with `weights_only=True`, and
their check sums are compared.
"""

import copy
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning import LightningModule
from torch import Tensor

from hawc.printable import printable, shortened
from lightning_modules.base.untrusted import load_untrusted
from lightning_modules.interface import HasImageShape, LatentGenerator, provides

__all__ = [
    "can_resume",
    "check_members",
    "forget_class_path",
    "load_members",
    "missing_to_resume",
    "read_average",
    "read_checkpoint",
    "read_weights",
    "steps_of",
]

_RESUMED = ("optimizer_states", "lr_schedulers", "loops", "callbacks")


def forget_class_path(checkpoint: dict[str, Any]) -> None:
    """Removes the class path that LightningCLI adds to the hyperparameters of a checkpoint.

    `load_from_checkpoint` of a class that takes ``**options`` would keep it, and fail: Lightning
    then takes the class for a base class whose subclass the checkpoint names.
    """
    checkpoint.get(LightningModule.CHECKPOINT_HYPER_PARAMS_KEY, {}).pop("_class_path", None)


def read_checkpoint(path: Path, argument: str) -> dict[str, Any]:
    """Returns the content of a file, on the CPU; tensors are memory-mapped.

    Args:
        path: of a file that torch wrote.
        argument: that gave the path, for messages.

    Raises:
        ValueError: if there is no such file, or it cannot be read.
    """
    try:
        content = load_untrusted(path)
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        if isinstance(error, FileNotFoundError):
            reason = "which does not exist"
        raise ValueError(
            f"`{argument}` must be a checkpoint file, got '{printable(str(path))}', {reason}."
        ) from error
    except Exception as error:  # errors of damaged and foreign pickles have no common base
        raise ValueError(
            f"`{argument}` '{printable(str(path))}' cannot be read as a checkpoint: it is damaged, "
            "cut off, compressed, or holds objects beside weights and numbers, which are not "
            "loaded; name another file."
        ) from error
    return content if isinstance(content, dict) else {}


def read_weights(path: Path, module: LightningModule, argument: str) -> dict[str, Tensor]:
    """Returns a checkpoint's weights, whose names and shapes are those of a module.

    Args:
        path: of a file that Lightning wrote.
        module: that the weights are for; unchanged.
        argument: that gave the path, for messages.

    Raises:
        ValueError: if the file is no checkpoint, or one of another model.
    """
    content = read_checkpoint(path, argument)
    if not _has_valid_sums(path):
        raise ValueError(
            f"`{argument}` '{path}' is damaged: its bytes are not those that were written; name "
            "another file."
        )
    saved = content.get("state_dict")
    if not isinstance(saved, dict) or "pytorch-lightning_version" not in content:
        raise ValueError(
            f"`{argument}` '{path}' is not a Lightning checkpoint: it has no weights or does not "
            "say which version wrote it."
        )
    if difference := _difference(saved, module.state_dict()):
        raise ValueError(
            f"`{argument}` '{path}' is of another model than the configured "
            f"{type(module).__name__}: {difference}; use the config.yaml of its run."
        )
    return saved


def read_average(path: Path, argument: str) -> dict[str, Tensor]:
    """Returns the average of GeneratorEMA in a checkpoint, {} if it holds none.

    Raises:
        ValueError: as `read_checkpoint`.
    """
    found: Any = read_checkpoint(path, argument)
    for name in ("callbacks", "GeneratorEMA", "average"):
        found = found.get(name) if isinstance(found, dict) else None
    is_average = isinstance(found, dict) and all(isinstance(v, Tensor) for v in found.values())
    return found if is_average else {}


def missing_to_resume(content: Mapping[str, Any]) -> str | None:
    """Returns a part that resuming needs and a checkpoint lacks, or None."""
    for name in _RESUMED:
        part = content.get(name)
        if not isinstance(part, list | dict) or (name == "optimizer_states" and not part):
            return name
    return None


def can_resume(path: Path) -> bool:
    """Returns whether a training of any model can be resumed from a file."""
    try:
        return missing_to_resume(read_checkpoint(path, "path")) is None
    except ValueError:
        return False


def steps_of(path: Path) -> int:
    """Returns the training steps of a checkpoint, -1 if the file does not hold them."""
    try:
        steps = read_checkpoint(path, "path").get("global_step")
    except ValueError:
        return -1
    return steps if isinstance(steps, int) else -1


def _has_valid_sums(path: Path) -> bool:
    """Returns whether the parts of a file match its check sums.

    The comparison, which torch does not make, takes 0.3 s per gigabyte.

    A file without sums passes: torch writes zeros after
    `torch.serialization.set_crc32_options(False)`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            sums = {part.CRC for part in archive.infolist()}
            return sums == {0} or archive.testzip() is None
    except Exception:  # errors of damaged archives have no common base
        return False


def _difference(saved: dict[str, Tensor], wanted: dict[str, Tensor]) -> str:
    """Returns the first difference of saved from required weights, "" if there is none."""
    if missing := sorted(wanted.keys() - saved.keys()):
        return f"it lacks {missing[0]}"
    if foreign := sorted(saved.keys() - wanted.keys(), key=str):
        return f"its {shortened(str(foreign[0]), 80)} is unknown here"
    for name, value in wanted.items():
        found = saved[name]
        if not isinstance(found, Tensor) or found.is_complex() != value.is_complex():
            return f"its {name} does not hold real numbers"
        if value.shape != found.shape:
            shapes = tuple(found.shape), tuple(value.shape)
            return f"its {name} has shape {shapes[0]}, here it is {shapes[1]}"
    return ""


def check_members(members: Sequence[LightningModule]) -> None:
    """Raises an error unless all members can be sampled and share prior and shape.

    Raises:
        ValueError: if there is no member, or they differ in prior or image shape.
        TypeError: if one cannot be sampled.
    """
    if not members:
        raise ValueError("`members` must be at least one trained model, got none.")
    for member in members:
        if not provides(member, LatentGenerator):
            raise TypeError(
                f"`members` must have `prior` and `decode`, got {type(member).__name__}."
            )
    for name, found in {
        "prior": [repr(member.prior) for member in members],
        "image shape": [m.image_shape if provides(m, HasImageShape) else None for m in members],
    }.items():
        for number, value in enumerate(found):
            if value != found[0]:
                raise ValueError(
                    f"`members` must share one {name}, got {found[0]} for the first and {value} "
                    f"for number {number + 1}; leave that one out."
                )


def load_members(
    model: LightningModule, checkpoints: Sequence[str | Path]
) -> list[LightningModule]:
    """Returns copies of a model, each with the weights of one of its checkpoints.

    Args:
        model: of the checkpoints' architecture; unchanged.
        checkpoints: files that Lightning wrote, of several runs or several epochs of one.

    Raises:
        ValueError: if a file is no checkpoint or its weights do not fit.
    """
    members = [copy.deepcopy(model) for _ in checkpoints]
    for member, path in zip(members, checkpoints, strict=True):
        member.load_state_dict(read_weights(Path(path), member, "checkpoints"))
    return members
