"""Features of some samples under one backbone, with all that is kept beside them; parts join to the whole set."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shiftscope.backbones.layer_sums import LayerSums
from shiftscope.core.features import LayerStats
from shiftscope.core.records import BackboneCost

__all__ = ["Part", "decode", "empty", "encode", "join"]

META = "shiftscope"  # the one metadata key: headers with several keys are not byte-stable


@dataclass(frozen=True, eq=False)
class Part:
    """What a backbone gave for the samples at ``rows`` of a set."""

    rows: NDArray[np.int64]  # (m,) ascending
    features: NDArray[np.float32]  # (m, d)
    logits: NDArray[np.float32] | None  # (m, k)
    seen: dict[str, LayerSums]  # what entered each batch-norm layer
    running: dict[str, LayerSums]  # the statistics each layer carries
    parameters: int
    flops: int
    seconds: float  # spent in forward passes
    unreadable: dict[int, str] = field(default_factory=dict)  # samples that could not be decoded, and why
    depths: dict[str, float] = field(default_factory=dict)  # places, shallow to deep; the last gave ``features``
    inner: dict[str, NDArray[np.float32]] = field(default_factory=dict)  # (m, d) at each of the other places

    def layer_stats(self) -> dict[str, LayerStats]:
        """Each batch-norm layer's inputs against the statistics it carries, in the order of the network."""
        # ``running`` keeps that order in the store, too; ``seen`` comes back sorted by name.
        return {
            name: LayerStats(self.seen[name].mean, self.seen[name].var, carried.mean, carried.var)
            for name, carried in self.running.items()
            if name in self.seen
        }

    def cost(self, *, cached: bool) -> BackboneCost:
        """What the backbone costs to run."""
        speed = len(self.rows) / self.seconds if self.seconds > 0 else None
        return BackboneCost(
            parameters=self.parameters,
            flops=self.flops,
            dim=self.features.shape[1],
            images_per_second=None if speed is None else float(f"{speed:.3g}"),
            cached=cached,
        )


def empty(unreadable: dict[int, str]) -> Part:
    """Return the part of samples none of which could be decoded."""
    none = np.empty((0, 0), dtype=np.float32)
    return Part(np.empty(0, dtype=np.int64), none, None, {}, {}, 0, 0, 0.0, unreadable)


def join(parts: Sequence[Part]) -> Part:
    """Join the parts of one set, given in the order of their rows; parts without samples may be among them."""
    full = [p for p in parts if len(p.rows)]
    seen = full[0].seen
    for part in full[1:]:
        seen = {name: sums + part.seen[name] for name, sums in seen.items()}
    return replace(
        full[0],
        rows=np.concatenate([p.rows for p in full]),
        features=np.concatenate([p.features for p in full]),
        logits=None if full[0].logits is None else np.concatenate([p.logits for p in full if p.logits is not None]),
        seen=seen,
        seconds=sum(p.seconds for p in full),
        unreadable={row: why for p in parts for row, why in p.unreadable.items()},
        inner={name: np.concatenate([p.inner[name] for p in full]) for name in full[0].inner},
    )


def encode(part: Part) -> bytes:
    """Write a part as safetensors."""
    from safetensors.numpy import save

    arrays: dict[str, NDArray[Any]] = {"rows": part.rows, "features": part.features}
    if part.logits is not None:
        arrays["logits"] = part.logits
    for kind, layers in (("seen", part.seen), ("running", part.running)):
        for name, sums in layers.items():
            arrays |= {f"{kind}/{name}/mean": sums.mean, f"{kind}/{name}/var": sums.var}
    arrays |= {f"inner/{name}": values for name, values in part.inner.items()}
    meta = {
        "counts": {name: sums.count for name, sums in part.seen.items()},
        "layers": list(part.running),
        "parameters": part.parameters,
        "flops": part.flops,
        "seconds": part.seconds,
        "unreadable": {str(row): why for row, why in part.unreadable.items()},
        # A list of pairs, for the order counts; absent where the penultimate layer alone was asked for.
        **({"depths": list(part.depths.items())} if part.depths else {}),
    }
    packed = {name: np.ascontiguousarray(a) for name, a in arrays.items()}
    data: bytes = save(packed, metadata={META: json.dumps(meta, sort_keys=True)})
    return data


def decode(data: bytes) -> Part:
    """Read what ``encode`` wrote; whatever is damaged raises something."""
    from safetensors.numpy import load

    # The header is a little-endian length and that many bytes of JSON; safetensors reads metadata from paths only.
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    meta = json.loads(header["__metadata__"][META])
    arrays, depths = load(data), meta.get("depths", [])
    return Part(
        rows=arrays["rows"],
        features=arrays["features"],
        logits=arrays.get("logits"),
        seen={name: _sums(arrays, f"seen/{name}", count) for name, count in meta["counts"].items()},
        running={name: _sums(arrays, f"running/{name}", 0) for name in meta["layers"]},
        parameters=meta["parameters"],
        flops=meta["flops"],
        seconds=meta["seconds"],
        unreadable={int(row): why for row, why in meta["unreadable"].items()},
        depths=dict(depths),
        inner={name: arrays[f"inner/{name}"] for name, _ in depths[:-1]},
    )


def _sums(arrays: Mapping[str, NDArray[Any]], prefix: str, count: int) -> LayerSums:
    return LayerSums(count, arrays[f"{prefix}/mean"], arrays[f"{prefix}/var"])
