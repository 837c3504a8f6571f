"""One seed, many named streams: the same name gives the same numbers in every process and on every machine."""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import numpy as np

__all__ = ["RngLike", "derive", "seed_of", "stream"]

RngLike: TypeAlias = np.random.Generator | int | None


def stream(seed: int, *names: str) -> np.random.Generator:
    """Make the random stream that belongs to ``names`` under ``seed``.

    Streams are keyed by sha256 and never by ``hash()``, so they do not depend on the process, on the order in
    which they are asked for, or on which other streams exist.
    """
    return np.random.default_rng([seed, *derive(*names)])


def derive(*names: str) -> list[int]:
    """Turn names into four 32-bit words; the separator keeps ``("ab", "c")`` apart from ``("a", "bc")``."""
    digest = hashlib.sha256("\x1f".join(names).encode()).digest()
    return [int.from_bytes(digest[i : i + 4], "big") for i in range(0, 16, 4)]


def seed_of(rng: RngLike) -> int:
    """Return one seed from which a measure derives its named streams.

    The same int gives every measure and every backbone the same folds and half-samples, which pairs them.
    """
    if isinstance(rng, int | np.integer):
        return int(rng)
    return int(np.random.default_rng(rng).integers(2**62))
