"""Writers of benchmarks/gallery_kills.py, and what each of them says of its work in a file."""

import hashlib
import itertools
import json
import os
import random
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch
from sqlalchemy import create_engine, insert, select
from torch import Tensor

from hawc import DatabaseHistory, Empirical, FeatureSampler, HistoryAwareSampler, StandardNormal
from hawc.compression import Deterministic
from hawc.history import AbstractHistory
from hawc.history.storage.tables import BATCHES, GALLERIES, METADATA
from hawc.samplers import AbstractSampler
from hawc.targets import AbstractTarget

__all__ = ["DECODER", "PRIOR", "SCENES", "Scene", "digest", "generator_for", "perturbed", "write"]

PRIOR = StandardNormal(2)
DECODER = torch.tensor([[1.0, 0.0, 2.0], [0.0, 2.0, 1.0]])  # of the first wave's galleries
FIRST_WAVE = Path(__file__).parent.parent / "tests" / "hawc" / "history" / "first_wave"
PROMPT = "a portrait, oil on canvas, " * 15  # 405 characters
ROWS = 4  # the most images of one call

Entry = dict[str, Any]
Say = Callable[[Entry], None]


@final
@dataclass(frozen=True)
class Scene:
    """A gallery of two conditions, to which writers add.

    Args:
        gallery: its name.
        conditions: of which the first may exist already.
        file: of the first wave's galleries, which is continued; a new store if "".
        has_features: whether its rows are latents with features.
        has_data: whether the first condition has data to match, those of the first wave.
    """

    gallery: str
    conditions: tuple[str, str]
    file: str = ""
    has_features: bool = True
    has_data: bool = False

    def prepare(self, url: str) -> None:
        """Copy the gallery of the first wave to a new file or into an empty database."""
        if self.file and url.startswith("sqlite"):
            shutil.copy(FIRST_WAVE / self.file, url.removeprefix("sqlite:///"))
        elif self.file:
            _copy_to_server(f"sqlite:///{FIRST_WAVE / self.file}", url)

    def opened(self, url: str, condition: str, *, create: bool = False) -> DatabaseHistory:
        """Returns the rows of a condition."""
        return DatabaseHistory(url, gallery=self.gallery, condition=condition, create=create)

    def sampler(
        self, condition: str, history: AbstractHistory, rounding: float = 0.0
    ) -> AbstractSampler:
        """Returns a sampler whose features are rounded as by another machine."""
        if not self.has_features:
            return HistoryAwareSampler(PRIOR, history=history, solver=Deterministic(1, 3))
        data: AbstractTarget | None = None
        if self.has_data and condition == self.conditions[0]:
            examples = torch.arange(120.0).reshape(40, 3) % 7
            data = Empirical(perturbed(examples, rounding))
        return FeatureSampler(
            PRIOR,
            decode=lambda latents: latents @ DECODER,
            features=lambda images: perturbed(images, rounding),
            data=data,
            history=history,
            num_candidates=16,
            num_steps=0,
            avoid="gallery",
        )


SCENES = {
    "new store": Scene("prompts", (PROMPT, "a cat")),
    "first wave, features": Scene("faces", ("", "cats"), "features.db", has_data=True),
    "first wave, points": Scene("default", ("", "cats"), "points.db", has_features=False),
}


def _copy_to_server(file: str, url: str) -> None:
    """Copy a store of version 1, which has one gallery."""
    source, server = create_engine(file), create_engine(url)
    with source.connect() as old, server.begin() as new:
        METADATA.create_all(new, tables=[GALLERIES, BATCHES])
        gallery = dict(old.execute(select(GALLERIES)).mappings().one())
        del gallery["id"]
        key = new.execute(insert(GALLERIES).values(gallery).returning(GALLERIES.c.id)).scalar()
        for batch in old.execute(select(BATCHES)).mappings():
            new.execute(insert(BATCHES).values({**batch, "gallery_id": key}))
    source.dispose()
    server.dispose()


def perturbed(features: Tensor, rounding: float) -> Tensor:
    """Returns features with relative errors of about `rounding`, the same for the same ones."""
    if rounding == 0:
        return features
    return features * (1 + rounding * torch.sin(1e4 * features))


def generator_for(writer: int, number: int) -> torch.Generator:
    """Returns the generator of one call of one writer."""
    return torch.Generator().manual_seed(1_000_000 * writer + number)


def digest(latents: Tensor) -> str:
    """Returns the SHA-256 of numbers in float32."""
    return hashlib.sha256(latents.float().contiguous().numpy().tobytes()).hexdigest()


def write(scene: Scene, url: str, writer: int, log: Path, stop: Path) -> None:
    """Sample, add, tag, annotate and forget until the file `stop` exists.

    Each call is written to `log` before it begins and after it has returned.
    """
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def say(entry: Entry) -> None:
        os.write(file, (json.dumps(entry) + "\n").encode())
        if "done" in entry:
            os.fsync(file)

    condition = scene.conditions[writer % 2]
    chance = random.Random(writer)
    say({"condition": condition})
    history = scene.opened(url, condition, create=True)
    sampler = scene.sampler(condition, history)
    own: list[int] = []  # this writer's rows, all reported
    for number in itertools.count():
        if stop.exists():
            return
        kinds = [_sample, _sample, _sample, _note]
        kinds += [_add] if scene.has_features and history.dim > 0 else []
        _call(chance.choice(kinds) if own else _sample, sampler, (writer, number), own, say)


Work = Callable[[AbstractSampler, tuple[int, int], list[int], Say], Entry]


def _call(
    work: Work, sampler: AbstractSampler, key: tuple[int, int], own: list[int], say: Say
) -> None:
    """Call a function that says its intent, and say what it has done."""
    start = time.monotonic()
    done = work(sampler, key, own, say)
    seconds = time.monotonic() - start
    say({"done": key[1], "seconds": seconds, **done})


def _metadata(key: tuple[int, int], size: int) -> list[Entry]:
    writer, number = key
    return [{"writer": writer, "number": number, "row": r, "size": size} for r in range(size)]


def _sample(sampler: AbstractSampler, key: tuple[int, int], own: list[int], say: Say) -> Entry:
    size = random.Random(str(key)).randint(1, ROWS)
    say({"begin": key[1], "do": "sample", "size": size})
    places: list[int] = []
    latents = sampler.sample(
        size,
        generator=generator_for(*key),
        before_append=lambda _, position: places.append(position),
        metadata=_metadata(key, size),
    )
    ids = [*range(places[-1], places[-1] + size)]
    own += ids
    return {"ids": ids, "digest": digest(latents), "conflicts": len(places) - 1}


def _add(sampler: AbstractSampler, key: tuple[int, int], own: list[int], say: Say) -> Entry:
    size = random.Random(str(key)).randint(1, ROWS)
    say({"begin": key[1], "do": "add", "size": size})
    images = torch.randn(size, 2, generator=generator_for(*key)) @ DECODER
    history = sampler.history
    assert isinstance(history, DatabaseHistory)
    ids = [*history.add(images, seeds=range(size), metadata=_metadata(key, size), tags=["added"])]
    own += ids
    return {"ids": ids, "digest": digest(images)}


def _note(sampler: AbstractSampler, key: tuple[int, int], own: list[int], say: Say) -> Entry:
    """Tag, annotate or forget up to two of the writer's own rows, together."""
    chance = random.Random(str(key))
    do = chance.choice(["tag", "annotate", "forget"])
    ids = chance.sample(own, min(len(own), 2))
    say({"begin": key[1], "do": do, "ids": ids})
    history = sampler.history
    assert isinstance(history, DatabaseHistory)
    name = f"note {key[0]} {key[1]}"
    if do == "tag":
        history.tag(ids, name)
    elif do == "annotate":
        history.annotate(ids, {name: True})
    else:
        history.forget(ids)
        own[:] = [i for i in own if i not in ids]
    return {"ids": ids}
