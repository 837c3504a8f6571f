"""Ranking under a budget: features of growing subsamples, measured as a race goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shiftscope.analysis.cards import by_name, input_card
from shiftscope.analysis.features import Extracted, added, cards_of
from shiftscope.analysis.inputs import Candidates, Inputs
from shiftscope.analysis.race import demand_budget, race
from shiftscope.analysis.rank import AGGREGATE, Standings, measure_candidates, rank_candidates, standings
from shiftscope.backbones import Backbone
from shiftscope.backbones.layer_sums import LayerSums
from shiftscope.core.features import FeatureSet, LayerStats
from shiftscope.core.progress import Progress
from shiftscope.core.records import Costs, MeasureResult, Ranking, Skipped
from shiftscope.core.spec import RunSpec
from shiftscope.data import FeatureFile, ImageSource
from shiftscope.errors import BackboneError, InputError
from shiftscope.extraction import Store, extract, resolve_device
from shiftscope.kernels import choose

__all__ = ["demand_race", "race_and_rank"]

Index = NDArray[np.intp]


def demand_race(inputs: Inputs, candidates: Candidates, measures: Sequence[str], budget: int) -> None:
    """Refuse a race that cannot be held, before anything is decoded."""
    if not measures:
        raise InputError(
            f"A budget is for ranking, and none of the measures selected ranks: select {', '.join(AGGREGATE)}."
        )
    if len(inputs.targets) > 1:
        raise InputError(f"A budget is for one target, not {len(inputs.targets)}: rank each in a run of its own.")
    if inputs.sources:
        raise InputError(
            "A budget and a source do not go together, for the shift needs all of the source under every candidate: "
            "leave one of them out."
        )
    (data,) = inputs.targets.values()
    if isinstance(data, FeatureFile):
        raise InputError(f"{data.uri} holds features, so nothing is left to embed: leave the budget out.")
    demand_budget(data.target, budget, len(candidates.ranked), len(candidates.baselines))


def race_and_rank(
    spec: RunSpec,
    inputs: Inputs,
    candidates: Candidates,
    *,
    measures: Sequence[str],
    device: str,
    cache: Path | None,
    progress: Progress | None,
) -> tuple[Extracted, list[MeasureResult], list[Ranking]]:
    """Race the candidates on the one target, and rank those that went on to the end on the last subsample.

    Results and features are of that subsample only. Baselines, which are never dropped, see it and nothing else.
    """
    assert spec.budget is not None
    (source,) = inputs.targets.values()
    assert isinstance(source, ImageSource)
    track = _Track(source, spec, candidates, measures, Store(cache), resolve_device(device), progress)
    names = [b.card.name for b in candidates.ranked]
    made, index = race(
        source.target,
        names,
        track.judge,
        budget=spec.budget,
        n_baselines=len(candidates.baselines),
        seed=spec.seed,
    )
    features, results = track.finish(index)
    ranking = rank_candidates(
        results,
        target=source.name,
        baselines=candidates.baselines,
        published={b.card.name: b.card.published for b in candidates.backbones},
        aggregate=track.voting or measures,
    )
    card = input_card(
        features, role="target", uri=source.uri, n_available=source.n_available, skipped=[*track.skipped.values()]
    )
    targets, lost = {source.name: features}, {source.name: track.failed}
    found = Extracted(targets, {}, by_name([card]), cards_of(candidates, targets), lost, {}, track.costs, track.device)
    return found, results, [ranking.model_copy(update={"race": made})]


@dataclass
class _Track:
    """Features so far of the candidates still in, and the results of the last stage."""

    source: ImageSource
    spec: RunSpec
    candidates: Candidates
    measures: Sequence[str]
    store: Store
    device: str
    progress: Progress | None
    costs: Costs = field(default_factory=Costs)
    features: dict[str, FeatureSet] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, Skipped] = field(default_factory=dict)
    results: list[MeasureResult] = field(default_factory=list)
    voting: Sequence[str] = ()
    _seen: Index = field(default_factory=lambda: np.empty(0, dtype=np.intp))

    def judge(self, names: Sequence[str], index: Index, voting: Sequence[str] | None) -> Standings | None:
        """Embed what is new in ``index`` under the candidates still in, and say where they stand on all of it."""
        running = set(names) - self.failed.keys()
        self._embed([b for b in self.candidates.ranked if b.card.name in running], index)
        self.voting = voting or [m for m in AGGREGATE if m in self.measures] or self.measures
        self.results = self._measured(self.features, self.voting)
        stood = standings(self.results, target=self.source.name, aggregate=self.voting)
        self._seen = index
        return stood

    def finish(self, index: Index) -> tuple[dict[str, FeatureSet], list[MeasureResult]]:
        """Embed the baselines on the last subsample, and measure there what no stage needed."""
        baselines = [b for b in self.candidates.backbones if b.card.name in self.candidates.baselines]
        new = self._extract(baselines, index)
        others = [m for m in self.measures if m not in self.voting]
        results = self.results + self._measured(self.features, others) + self._measured(new, self.measures)
        return {**self.features, **new}, results

    def _embed(self, backbones: Sequence[Backbone], index: Index) -> None:
        new = self._extract(backbones, np.setdiff1d(index, self._seen))
        samples = self.source.take(index)
        self.features = {
            name: _joined(self.features[name], fs, samples) if name in self.features else fs for name, fs in new.items()
        }

    def _extract(self, backbones: Sequence[Backbone], index: Index) -> dict[str, FeatureSet]:
        if not backbones:
            return {}
        done = extract(self.source.take(index), backbones, store=self.store, device=self.device, progress=self.progress)
        self.costs = added(self.costs, done)
        self.failed |= done.failed
        self.skipped |= {s.file: s for s in done.skipped}
        if not done.features:
            raise BackboneError("; ".join(f"{name}: {why}" for name, why in done.failed.items()))
        return dict(done.features)

    def _measured(self, features: dict[str, FeatureSet], measures: Sequence[str]) -> list[MeasureResult]:
        from threadpoolctl import threadpool_limits

        # Subsamples are small; see few_threads in analysis.run.
        with threadpool_limits(limits=1, user_api="blas"):
            return measure_candidates(
                features,
                target=self.source.name,
                measures=measures,
                options=self.spec.measures,
                seed=self.spec.seed,
                kernels=choose(self.device),
            )


def _joined(before: FeatureSet, new: FeatureSet, samples: ImageSource) -> FeatureSet:
    """Join features of two disjoint parts of ``samples``; those that could not be decoded are in neither."""
    place = {name: i for i, name in enumerate((*before.ids, *new.ids))}
    kept = samples.take(np.flatnonzero([name in place for name in samples.ids]))
    rows = [place[name] for name in kept.ids]
    heads = [fs.logits for fs in (before, new) if fs.logits is not None]
    return FeatureSet.of(
        np.concatenate([before.features, new.features])[rows],
        kept.target,
        name=before.name,
        logits=np.concatenate(heads)[rows] if len(heads) == 2 else None,
        ids=kept.ids,
        keys=kept.keys.tolist(),
        layer_stats={layer: _both(before, new, layer) for layer in before.layer_stats},
        card=before.card,
    )


def _both(before: FeatureSet, new: FeatureSet, layer: str) -> LayerStats:
    """Batch-norm inputs over both parts; every image has the same number of positions in a layer."""
    parts = [LayerSums(fs.n, fs.layer_stats[layer].mean, fs.layer_stats[layer].var) for fs in (before, new)]
    joined = parts[0] + parts[1]
    return replace(before.layer_stats[layer], mean=joined.mean, var=joined.var)
