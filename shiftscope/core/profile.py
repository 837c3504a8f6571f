"""What a target's labels say of the layers of one backbone: scores at several depths, the best of them, how flat."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shiftscope.core.record import Finite, Probability, Record

__all__ = ["LayerGain", "LayerProfile", "LayerScore", "LayerTap", "LayerVerdict"]

LayerVerdict = Literal["earlier", "flat", "last", "unclear"]


class LayerScore(Record):
    """One measure of the features of one layer."""

    value: Finite
    low: Finite | None = None
    high: Finite | None = None


class LayerTap(Record):
    """One layer: its output, averaged over positions, as features."""

    name: str = Field(
        description="the module that gives it, or takes it where it ends in (input); penultimate where none does"
    )
    depth: Probability = Field(description="share of convolutions and linear layers that have run, the head left out")
    dim: int
    scores: dict[str, LayerScore] = Field(description="by measure; those that read the source head are left out")


class LayerGain(Record):
    """How far the best layer scores above the last, with an interval that allows for its having been picked."""

    value: Finite
    low: Finite
    high: Finite


class LayerProfile(Record):
    """The layers of one candidate on one target, compared by one measure on the same samples.

    ``gain`` is paired, and its interval is simultaneous over all layers that were compared with the last one
    (Bonferroni); the value itself is that of the best of several and so errs upward. ``spread`` is the range of the
    measure over the later half of the network, and ``noise`` the largest difference, simultaneously over all pairs,
    that these samples cannot tell from 0.
    """

    target: str
    backbone: str
    measure: str = Field(description="what layers are compared by")
    level: Probability = Field(description="of all intervals")
    taps: list[LayerTap] = Field(description="shallow to deep; the last one is the layer that the ranking reads")
    left_out: dict[str, str] = Field(default={}, description="layers without a number, and why")
    best: str
    gain: LayerGain | None = Field(default=None, description="of the best over the last; None where it is the last")
    spread: Finite | None = Field(default=None, description="None where the later half has one layer only")
    noise: Finite | None = None

    @property
    def last(self) -> LayerTap:
        """The layer that the ranking reads."""
        return self.taps[-1]

    @property
    def best_tap(self) -> LayerTap:
        """The layer with the best score; of equal ones the deepest."""
        return next(tap for tap in reversed(self.taps) if tap.name == self.best)

    @property
    def flat(self) -> bool:
        """Whether no two layers of the later half can be told apart."""
        return self.spread is not None and self.noise is not None and self.spread <= self.noise

    @property
    def verdict(self) -> LayerVerdict:
        """``earlier`` where an earlier layer is shown to be better than the last; else ``flat``, or which is best.

        ``unclear``: the profile is not flat, and an earlier layer scores better without being shown to be.
        """
        if self.gain is not None and self.gain.low > 0:
            return "earlier"
        if self.flat:
            return "flat"
        return "last" if self.gain is None else "unclear"
