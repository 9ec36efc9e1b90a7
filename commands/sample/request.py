"""What `sample` was asked for: checked, completed with defaults, opened."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Literal, final

from commands.errors import UsageError
from commands.run.folder import new_samples_folder, run_of
from commands.sample.feature_choice import FeatureChoice
from commands.sample.folder import SampleFolder, manifest_of
from commands.sample.run import SampleRun
from hawc import DatabaseHistory, HistoryAwareSampler, IndependentSampler, SobolSampler
from hawc.history import HistoryStoreError, Recorded, galleries
from hawc.samplers import AbstractSampler
from lightning_modules.interface import LatentGenerator

__all__ = ["SampleRequest", "SamplerName", "digest"]

SamplerName = Literal["history_aware", "feature", "independent", "sobol"]

_VERSIONED = ("hawc", "lightning", "torch")


@final
@dataclass(frozen=True)
class SampleRequest:
    """One command's options.

    Args:
        checkpoints: files of the weights that decode; the first one's run is where things go.
        num_samples: that the folder is to hold in the end, at least 1.
        history: the store of galleries; gallery.db in the folder of the checkpoint's run if None.
        gallery: name of the gallery.
        output: folder; samples/<time> in the folder of the checkpoint's run if None.
        sampler: how latents are chosen.
        chunk_size: latents chosen together, at least 1.
        seed: of the choice, at least 0.
        use_ema: whether the model decodes by the average of its generator.
        features: what the sampler feature goes by, None for any other.

    Raises:
        UsageError: if a number is too small.
        ValueError: if `features` is given for another sampler than feature, or missing for that.
    """

    checkpoints: tuple[Path, ...]
    num_samples: int
    history: str | None
    gallery: str
    output: str | None
    sampler: SamplerName
    chunk_size: int
    seed: int
    use_ema: bool = False
    features: FeatureChoice | None = None

    def __post_init__(self) -> None:
        for name in ("num_samples", "chunk_size"):
            if getattr(self, name) < 1:
                raise UsageError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        if (self.features is not None) != (self.sampler == "feature"):
            raise ValueError(
                f"`features` must be given for the sampler feature and no other, got "
                f"{type(self.features).__name__} for {self.sampler}."
            )

    def open(self, model: LatentGenerator) -> SampleRun:
        """Returns what draws and records, in this process alone.

        Raises:
            UsageError: if gallery or folder cannot be used; then no folder has been made.
        """
        path = new_samples_folder(self.checkpoints[0]) if self.output is None else Path(self.output)
        description = self._description(model)
        manifest = manifest_of(path, description)
        sampler, distribution = self._sampler(model), model.prior
        rows = self.features.rows(distribution) if self.features else distribution
        history = self._history(rows, must_exist=manifest is not None)
        description |= {"history": history.location, "gallery_id": history.identity}
        return SampleRun(
            SampleFolder(path, description),
            history,
            sampler,
            self.num_samples,
            self.chunk_size,
            self.seed,
        )

    def _history(self, rows: Recorded, must_exist: bool) -> DatabaseHistory:
        store = self._store()
        try:
            if must_exist and self.gallery not in [gallery.name for gallery in galleries(store)]:
                raise UsageError(
                    f"`history` must be the store that holds gallery {self.gallery} of the samples "
                    f"in '{self.output}', got one that lacks it."
                )
            history = DatabaseHistory(store, rows, gallery=self.gallery)
            history.check_writable()
            history.view()  # reads all of them, and whether any is damaged
        except (ValueError, HistoryStoreError) as error:
            raise UsageError(str(error).replace("`url`", "`history`")) from error
        return history

    def _store(self) -> str | Path:
        return run_of(self.checkpoints[0]) / "gallery.db" if self.history is None else self.history

    def _sampler(self, model: LatentGenerator) -> AbstractSampler:
        """Returns what chooses; `SampleRun` records."""
        target = model.prior
        if self.features is not None:
            return self.features.sampler(model, self.chunk_size)
        if self.sampler == "independent":
            return IndependentSampler(target)
        if self.sampler == "history_aware":
            return HistoryAwareSampler(target)
        try:
            return SobolSampler(target, seed=self.seed)
        except ValueError as error:
            raise UsageError(
                f"`sampler` sobol needs a distribution mapped from a cube, got {target}; name "
                "history_aware or independent."
            ) from error

    def _description(self, model: LatentGenerator) -> dict[str, Any]:
        """Returns what the manifest says of all its samples together."""
        digests = [digest(path) for path in self.checkpoints]
        return {
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "checkpoint": str(self.checkpoints[0].absolute()),
            "checkpoint_sha256": digests[0],
            "more_checkpoints": [str(path.absolute()) for path in self.checkpoints[1:]],
            "more_checkpoints_sha256": digests[1:],
            "use_ema": self.use_ema,
            "model": type(model).__name__,
            "target": repr(model.prior),
            "gallery": self.gallery,
            "sampler": self.sampler,
            **(self.features.description if self.features else {}),
            "seed": self.seed,
            "versions": {d.name: d.version for d in distributions() if d.name in _VERSIONED},
        }


def digest(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
