"""The options of `sample`: stated, checked, and turned into a run."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, final

import torch
from lightning import LightningDataModule, LightningModule

from commands.errors import UsageError
from commands.run.folder import default_place, new_name
from commands.sample.folder import SampleFolder, manifest_of
from commands.sample.model import Combination, sampled_model
from commands.sample.run import SampleRun
from commands.sample.sampler import build_sampler
from hawc import DatabaseHistory, HistoryAwareSampler
from hawc.history import HistoryStoreError, Recorded, galleries
from hawc.printable import shortened
from lightning_modules.interface import LatentGenerator, SamplerFactory

__all__ = ["SampleRequest", "digest"]

_VERSIONED = ("hawc", "lightning", "torch")


@final
@dataclass(frozen=True)
class SampleRequest:
    """The options of the command `sample`; its help shows the texts below.

    Args:
        ckpt_path: Checkpoint that decodes; 'last' for the newest one of this experiment.
        num_samples: Number of samples that the output folder should hold in the end, at least 1.
        sampler: Class that chooses latents: HistoryAwareSampler, FeatureSampler (by the images that
            latents decode to), SobolSampler or IndependentSampler (both ignore the gallery's
            points, for comparison), or one of your own. Its arguments follow, as in
            --sampler.window 1000; --sampler.help FeatureSampler lists them.
        history: Database of galleries: a SQLite file such as gallery.db, or a URL such as
            postgresql+psycopg://user@host/database (password in PGPASSWORD or ~/.pgpass). Default:
            gallery.db in the checkpoint's run folder. Any other must exist, unless `create` is set.
        gallery: Name of the gallery in the database. Any but the default one must exist, unless
            `create` is set.
        condition: Any text, such as a prompt or a class. Each condition of a gallery has samples of
            its own; any but the default one, the empty text, must exist, unless `create` is set.
        create: Whether to create the database, gallery or condition if it is missing.
        output: Folder for images and manifest.json. Default: samples/<time> in the run folder of
            the checkpoint.
        chunk_size: Samples chosen and recorded together, at least 1; larger is better and slower.
        num_real: Training examples, taken at random, that all images together should resemble; for
            a sampler that compares images. Default: 4000. With 0 they should resemble the images
            that the model makes of the prior, and no training examples are needed.
        use_ema: Whether to decode by the average of the generator that the callback GeneratorEMA
            saved in the checkpoint.
        more_checkpoints: Further checkpoints of the same model, as '[a.ckpt, b.ckpt]'. All are
            sampled together, with a gallery of their own.
        combine: How more_checkpoints are sampled. mixture chooses one checkpoint for each sample
            by an additional latent coordinate; average averages the images of all for the same
            latent, for checkpoints of one run.

    Raises:
        UsageError: if a number is too small.
    """

    ckpt_path: str
    num_samples: int
    sampler: SamplerFactory = HistoryAwareSampler
    history: str | None = None
    gallery: str = "default"
    condition: str = ""
    create: bool = False
    output: str | None = None
    chunk_size: int = 64
    num_real: int | None = None
    use_ema: bool = False
    more_checkpoints: list[str] | None = None
    combine: Combination = "mixture"

    def __post_init__(self) -> None:
        for name in ("num_samples", "chunk_size"):
            if getattr(self, name) < 1:
                raise UsageError(f"`{name}` must be at least 1, got {getattr(self, name)}.")

    @property
    def checkpoints(self) -> tuple[Path, ...]:
        """All checkpoints; files go to the run folder of the first one."""
        return tuple(map(Path, (self.ckpt_path, *(self.more_checkpoints or ()))))

    def load(self, model: LightningModule) -> LightningModule:
        """Returns the model that decodes, with the weights of all checkpoints.

        Raises:
            UsageError: if the checkpoints do not fit the model or each other.
        """
        return sampled_model(model, self.checkpoints, self.combine, self.use_ema)

    def open(
        self,
        model: LatentGenerator,
        datamodule: LightningDataModule | None = None,
        device: torch.device | None = None,
        seed: int = 0,
    ) -> SampleRun:
        """Opens gallery and folder, in one process.

        Args:
            model: has its weights.
            datamodule: holds training examples, for a sampler that compares images.
            device: computes their features; the CPU if None.
            seed: of the choice, at least 0.

        Raises:
            UsageError: if sampler, gallery or folder cannot be used; then no folder is created.
        """
        configured = build_sampler(
            self.sampler, model, datamodule, self.num_real, device or torch.device("cpu")
        )
        first = self.checkpoints[0]
        path = Path(self.output or default_place(first, f"samples/{new_name()}", "output"))
        description = self._description(model, configured.description, seed)
        manifest = manifest_of(path, description)
        history = self._history(configured.rows, must_exist=manifest is not None)
        description |= {"history": history.location, "gallery_id": history.identity}
        configured.sampler.history = history
        folder = SampleFolder(path, description)
        return SampleRun(folder, configured.sampler, self.num_samples, self.chunk_size, seed)

    def _history(self, rows: Recorded, must_exist: bool) -> DatabaseHistory:
        first = self.checkpoints[0]
        store = _store(self.history or default_place(first, "gallery.db", "history"))
        try:
            if must_exist and not self._exists_in(store):
                raise UsageError(
                    f"`history` must be the store that holds {self._place} of the samples in "
                    f"'{self.output}', got one that lacks it."
                )
            history = DatabaseHistory(
                store,
                rows,
                gallery=self.gallery,
                condition=self.condition,
                create=self.create or self._is_default,
            )
            history.check_writable()
            history.view()  # reads all points, and finds damaged ones
        except (ValueError, HistoryStoreError) as error:
            advice = str(error).replace("pass create=True", "add --create true")
            raise UsageError(advice.replace("`url`", "`history`")) from error
        return history

    @property
    def _is_default(self) -> bool:
        """Whether the user names no store, gallery or condition, and so mistypes none."""
        return (self.history, self.gallery, self.condition) == (None, "default", "")

    @property
    def _place(self) -> str:
        condition = f', condition "{shortened(self.condition, 40)}",' if self.condition else ""
        return f"gallery {self.gallery}{condition}"

    def _exists_in(self, store: str | Path) -> bool:
        records = galleries(store)
        return any((r.name, r.condition) == (self.gallery, self.condition) for r in records)

    def _description(
        self, model: LatentGenerator, sampler: dict[str, Any], seed: int
    ) -> dict[str, Any]:
        """Returns what the manifest says of all samples together."""
        first, *more = self.checkpoints
        return {
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "checkpoint": str(first.absolute()),
            "checkpoint_sha256": digest(first),
            "more_checkpoints": [str(path.absolute()) for path in more],
            "more_checkpoints_sha256": [digest(path) for path in more],
            "use_ema": self.use_ema,
            "model": type(model).__name__,
            "prior": repr(model.prior),
            "gallery": self.gallery,
            "condition": self.condition,
            **sampler,
            "seed": seed,
            "versions": {d.name: d.version for d in distributions() if d.name in _VERSIONED},
        }


def _store(history: str | Path) -> str | Path:
    """Returns a URL unchanged, and a text without a colon as the path of a file."""
    return history if isinstance(history, str) and ":" in history else Path(history)


def digest(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
