"""Forecasts beside what happened: every cell once, none that lay outside the range, bins that miss nothing."""

import dataclasses

import numpy as np
import pytest
from test_calibrate import ALL, GROUNDTRUTH, made_up

from shiftscope.analysis.audit.calibrate import foretell
from shiftscope.analysis.audit.foretold import BINS, foretold_gaps, reliabilities
from shiftscope.core.load import load_record
from shiftscope.report.audited import AuditReading


def test_every_cell_is_foretold_once_as_the_mean_over_its_splits():
    one = made_up(effect=2.0)
    twice = dataclasses.replace(
        one,
        gaps=[*one.gaps, *one.gaps],
        x=np.concatenate([one.x, one.x * 0.9]),
        q=np.tile(one.q, 2),
        groups=np.tile(one.groups, 2),
        families=np.tile(one.families, 2),
        seeds=np.repeat([0, 1], len(one.q)),
    )
    told = foretell(twice, ALL)
    found = {f.backbone: f for f in foretold_gaps({"full": twice})}
    n = len(one.q)
    for i, gap in enumerate(one.gaps):
        rows = [j for j in (i, n + i) if told.covered[j]]
        if rows:
            assert found[gap.backbone].forecast == pytest.approx(np.mean([told.p[j] for j in rows]))
            assert found[gap.backbone].happened == one.q[i]
        else:
            assert gap.backbone not in found
    assert 0 < len(found) < n
    assert {f.question for f in found.values()} == {"full_vs_scratch"}


def test_bins_hold_every_cell_and_their_own_question():
    evidence = made_up(effect=2.0)
    found = foretold_gaps({"head": evidence, "full": evidence})
    groups = {g.target: group for g, group in zip(evidence.gaps, evidence.groups.tolist(), strict=True)}
    bins = reliabilities(found, groups)
    assert list(bins) == ["head_vs_scratch", "full_vs_scratch"]
    for question, made in bins.items():
        mine = [f for f in found if f.question == question]
        assert len(made) == BINS
        assert sum(b.n for b in made) == len(mine)
        mean = sum(b.n * b.happened for b in made) / len(mine)
        assert mean == pytest.approx(np.mean([f.happened for f in mine]))
        assert all(b.low <= b.happened <= b.high for b in made)
        # Where the forecast is a good one, more came true of what it held likely.
        assert made[-1].happened > made[0].happened + 0.3


def test_one_group_foretells_nothing():
    evidence = dataclasses.replace(made_up(1.0), groups=np.repeat("g", 96))
    assert foretold_gaps({"full": evidence}) == []


def test_committed_forecasts_are_those_of_the_gaps_that_count():
    audit = load_record(GROUNDTRUTH).audit
    for question in ("full_vs_scratch", "head_vs_scratch"):
        pairs = AuditReading(audit).foretold_gaps(question)
        assert len(pairs) == sum(f.question == question for f in audit.foretold) > 100
        assert all(audit.counts(gap) for gap, _ in pairs)
        assert sum(b.n for b in audit.reliability[question]) == len(pairs)
