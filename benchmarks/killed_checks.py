"""Checks of a gallery whose writers were killed, against what each of them had said."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import torch
from sqlalchemy import create_engine, func, select, text
from torch import Tensor

from benchmarks.killed_writers import Entry, Scene, digest
from hawc.history import Row
from hawc.history.abstract import MAX_CANDIDATES
from hawc.history.storage.tables import NOTES

__all__ = ["Findings", "check"]


@final
@dataclass
class Findings:
    """What was found in a gallery; `problems` should be empty."""

    rows: int = 0
    calls: int = 0
    unreported: int = 0  # calls whose writers were killed after the commit
    conflicts: int = 0
    longest: float = 0.0  # seconds of a call
    candidates: int = 0
    problems: list[str] = field(default_factory=list)

    def expect(self, holds: bool, problem: str) -> None:
        if not holds:
            self.problems.append(problem)


@final
class Writer:
    """What one writer said: calls that it began, and those that it has done."""

    def __init__(self, log: Path) -> None:
        self.name = int(log.stem)
        entries: list[Entry] = [json.loads(line) for line in log.read_text().splitlines()]
        self.condition: str | None = entries[0]["condition"] if entries else None
        self.begun = {entry["begin"]: entry for entry in entries if "begin" in entry}
        self.done = {entry["done"]: entry for entry in entries if "done" in entry}

    def calls(self, *kinds: str) -> Iterator[tuple[int, Entry, Entry | None]]:
        """Yields number, intent and report of calls of these kinds."""
        for number, intent in self.begun.items():
            if intent["do"] in kinds:
                yield number, intent, self.done.get(number)


@final
@dataclass
class Condition:
    """The stored rows of a condition."""

    name: str
    view: Tensor
    rows: dict[int, Row]
    findings: Findings
    owned: set[int] = field(default_factory=set)

    def check_batch(self, writer: Writer, number: int, intent: Entry, done: Entry | None) -> None:
        """Check that a reported batch is there, and an unreported one is there or not."""
        where = f"{self.name[:9]!r} writer {writer.name} call {number}"
        ids = done["ids"] if done else self._found(writer.name, number)
        if not ids:
            return
        expect = self.findings.expect
        self.findings.unreported += done is None
        expect(len(ids) == intent["size"], f"{where}: a part of a batch, {ids}")
        expect(ids == [*range(ids[0], ids[0] + len(ids))], f"{where}: apart, {ids}")
        expect(self.owned.isdisjoint(ids), f"{where}: doubled, {ids}")
        expect(ids[-1] < len(self.view), f"{where}: lost, {ids}")
        self.owned |= {*ids}
        said = {"writer": writer.name, "number": number, "size": intent["size"]}
        for place, i in enumerate(ids):
            if i in self.rows:
                own = said | {"row": place}
                expect(own.items() <= self.rows[i].metadata.items(), f"{where}: metadata of {i}")
        if done and all(i in self.rows for i in ids):
            first, end = (0, 2) if intent["do"] == "sample" else (-3, None)
            expect(digest(self.view[ids, first:end]) == done["digest"], f"{where}: other numbers")

    def _found(self, writer: int, number: int) -> list[int]:
        key = {"writer": writer, "number": number}
        return [i for i, row in self.rows.items() if key.items() <= row.metadata.items()]

    def check_notes(self, writer: Writer) -> None:
        """Check that reported notes are on all their rows, and others on all or none."""
        notes: dict[str, Callable[[int, str], bool]] = {
            "tag": lambda i, name: name in self.rows[i].tags,
            "annotate": lambda i, name: name in self.rows[i].metadata,
        }
        for number, intent, done in writer.calls(*notes):
            has, name = notes[intent["do"]], f"note {writer.name} {number}"
            present = [has(i, name) for i in intent["ids"] if i in self.rows]
            whole = all(present) if done else len({*present}) <= 1
            self.findings.expect(whole, f"{self.name[:9]!r} {name}: {intent}, {present}")

    def check_forgotten(self, writers: list[Writer]) -> None:
        """Check that those rows are forgotten that should be, and no others."""
        gone = {*range(len(self.view))} - self.rows.keys()
        asked: set[int] = set()
        for writer in writers:
            for _, intent, done in writer.calls("forget"):
                asked |= {*intent["ids"]}
                left = {*intent["ids"]} - gone
                whole = not left or (done is None and len(left) == len(intent["ids"]))
                self.findings.expect(whole, f"{self.name[:9]!r}: {intent} left {left}")
        self.findings.expect(gone <= asked, f"{self.name[:9]!r}: forgotten {gone - asked}")
        self.findings.expect(
            bool(self.view[[*gone]].isnan().all()), f"{self.name[:9]!r}: forgotten rows are shown"
        )


def check(scene: Scene, url: str, logs: Path, before: dict[str, Tensor]) -> Findings:
    """Returns what is in a gallery.

    Args:
        scene: the gallery.
        url: of its store.
        logs: folder of the writers' files.
        before: the rows that each condition had before there were writers.
    """
    findings = Findings()
    writers = [Writer(log) for log in sorted(logs.glob("*.log"))]
    for condition in scene.conditions:
        own = [writer for writer in writers if writer.condition == condition]
        _check_condition(scene, url, condition, own, before[condition], findings)
    done = [entry for writer in writers for entry in writer.done.values()]
    findings.calls = len(done)
    findings.conflicts = sum(entry.get("conflicts", 0) for entry in done)
    findings.longest = max(entry["seconds"] for entry in done)
    for writer in writers:
        pending = writer.begun.keys() - writer.done.keys()
        last = {max(writer.begun)} if writer.begun else set()
        findings.expect(pending <= last, f"writer {writer.name} skipped {pending}")
    _check_store(url, findings)
    return findings


def _check_condition(
    scene: Scene,
    url: str,
    name: str,
    writers: list[Writer],
    before: Tensor,
    findings: Findings,
) -> None:
    history = scene.opened(url, name)
    condition = Condition(name, history.view(), {row.id: row for row in history}, findings)
    first = len(before)
    findings.expect(torch.equal(condition.view[:first], before), f"{name[:9]!r}: old rows")
    for writer in writers:
        for number, intent, done in writer.calls("sample", "add"):
            condition.check_batch(writer, number, intent, done)
        condition.check_notes(writer)
    condition.check_forgotten(writers)
    strangers = {*range(first, len(condition.view))} - condition.owned
    findings.expect(not strangers, f"{name[:9]!r}: unknown rows, {strangers}")
    if scene.has_features:
        candidates = history.candidates()
        sizes = len(candidates), len(candidates.unique(dim=0))
        findings.expect(sizes[0] == sizes[1] <= MAX_CANDIDATES, f"{name[:9]!r}: {sizes} candidates")
        findings.expect(bool(candidates.isfinite().all()), f"{name[:9]!r}: candidates")
        findings.candidates += len(candidates)
    findings.rows += len(condition.view)


def _check_store(url: str, findings: Findings) -> None:
    """Check the file, and that the metadata of each row was written once."""
    engine = create_engine(url)
    with engine.connect() as connection:
        key = NOTES.c.gallery_id, NOTES.c.position
        written = select(*key).where(NOTES.c.note.contains('"writer"'))
        doubled = connection.execute(written.group_by(*key).having(func.count() > 1)).all()
        findings.expect(not doubled, f"metadata written twice: {doubled}")
        if url.startswith("sqlite"):
            state = connection.execute(text("PRAGMA integrity_check")).scalar()
            findings.expect(state == "ok", f"integrity check: {state}")
            dangling = connection.execute(text("PRAGMA foreign_key_check")).all()
            findings.expect(not dangling, f"dangling keys: {dangling}")
    engine.dispose()
