"""Whether two descriptions of rows mean the same distribution."""

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from hawc.history.abstract import Recorded
from hawc.io.files import parse_json

__all__ = [
    "Fingerprints",
    "current_form",
    "difference",
    "fingerprint_text",
    "gives_latents",
    "num_features_in",
    "num_features_of",
    "shown",
]

Fingerprints = Mapping[str, Any]
"""Numbers of the points behind each digest in a repr."""

_DIGEST = re.compile(r"sha256=([0-9a-f]+)")
_DIGEST_SHOWN = re.compile(r",? ?sha256=[0-9a-f]+")
_FEATURES = re.compile(
    r"^LatentsWithFeatures\(.*data=\w+\(.*dim=(\d+)(?:, sha256=[0-9a-f]+)?\)\)$", re.DOTALL
)
_LONGEST = 4000  # characters that are searched for former names: the time grows with their cube
_TOLERANCE = 1e-3  # of the points' spread; other threads or machines differ by about 1e-6
# Galleries of November 2026 recorded these names.
_FORMER = (
    (re.compile(r"^LatentsWithFeatures\(\w+="), "LatentsWithFeatures(prior="),
    (
        re.compile(r"SeenItems\(\w+=(.*), items=(.*), dim=(\d+)\)\)$", re.DOTALL),
        r"RealFeatures(network=\1, examples=\2, dim=\3))",
    ),
)


def current_form(recorded: str) -> str:
    """Returns the repr that the same description has today."""
    for former, present in _FORMER if len(recorded) <= _LONGEST else ():
        recorded = former.sub(present, recorded)
    return recorded


def fingerprint_text(rows: Recorded) -> str | None:
    """Returns the fingerprints of the points behind the digests in the repr, as JSON."""
    fingerprints = _fingerprints(rows)
    return json.dumps(fingerprints) if fingerprints else None


def num_features_of(rows: Recorded) -> int:
    """Returns how many numbers of a row are features; 0 for points."""
    return int(getattr(rows, "num_features", 0))


def num_features_in(recorded: str) -> int:
    """Returns how many numbers of a row of version 1 are features, by its repr."""
    match = _FEATURES.search(current_form(recorded)) if len(recorded) <= _LONGEST else None
    return int(match[1]) if match else 0


def gives_latents(dim: int, num_features: int, recorded: str | None, rows: Recorded) -> bool:
    """Returns whether rows of recorded features alone may be taken as the given rows.

    Args:
        dim: numbers of a recorded row.
        num_features: of a recorded row.
        recorded: the repr at creation; None if there is none.
        rows: given now; latents followed by the same features.
    """
    if not 0 < num_features == dim == num_features_of(rows) < rows.dim:
        return False
    return recorded in (None, f"Features(dim={dim})", repr(getattr(rows, "data", None)))


def difference(
    recorded: str, fingerprint: str | None, rows: Recorded
) -> Literal["distribution", "numbers"] | None:
    """Returns in what rows differ from the recorded ones; None if they mean the same.

    Digests of points are compared by the points' fingerprints, since features that are computed
    again round differently.

    Args:
        recorded: the repr at creation.
        fingerprint: of the rows at creation, from `fingerprint_text`.
        rows: given now.
    """
    before, now = current_form(recorded), repr(rows)
    if before == now:
        return None
    if _DIGEST.sub("", before) != _DIGEST.sub("", now):
        return "distribution"
    old, new = _parsed(fingerprint), _fingerprints(rows)
    digests, others = _DIGEST.findall(before), _DIGEST.findall(now)
    same = len(digests) == len(others) and all(
        a == b or _agree(old.get(a), new.get(b)) for a, b in zip(digests, others, strict=True)
    )
    return None if same else "numbers"


def shown(recorded: str) -> str:
    """Returns a repr for a message, in today's form and without digests."""
    return _DIGEST_SHOWN.sub("", current_form(recorded))


def _fingerprints(rows: Recorded) -> Fingerprints:
    fingerprint = getattr(rows, "fingerprint", None)
    return fingerprint() if callable(fingerprint) else {}


def _parsed(fingerprint: str | None) -> Fingerprints:
    """Returns recorded fingerprints; none if the text, which may be a stranger's, is not valid."""
    try:
        parsed = parse_json(fingerprint or "{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _agree(before: Any, now: Any) -> bool:
    """Returns whether two fingerprints, each a mean and rows, differ by rounding alone."""
    if before is None or now is None:
        return False
    new = np.asarray(now, dtype=np.float64)
    try:
        old = np.asarray(before, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return False
    if old.shape != new.shape or not np.isfinite(old).all():
        return False
    spread = np.abs(old[1:] - old[0]).max() or np.abs(old).max()
    return bool(np.abs(old - new).max() <= _TOLERANCE * spread)
