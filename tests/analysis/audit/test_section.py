"""From cells to the audit section: which cells stand for what."""

import numpy as np
import pytest
from smallworld import AUDIT, audit_file, record_of, shiftscope
from test_plan import cell_of, workshop_of
from test_work import cells_of

import shiftscope as ss
from shiftscope.analysis.audit.plan import chosen_rates, curve_jobs, grid, searches
from shiftscope.analysis.audit.section import audit_section
from shiftscope.core.cells import pack

CURVE = '\n[[curves]]\ntarget = "dusk"\nbackbone = "cat"\nregime = 6\nsteps = [2, 4]\n'


@pytest.fixture(scope="module")
def choosing(tmp_path_factory):
    """An audit without places for the search, in which every cell chooses its own rate; and with a curve."""
    root = tmp_path_factory.mktemp("choosing")
    text = AUDIT.replace("places = {{ bright = 6 }}", "").replace("seeds = [0, 1]", "seeds = [3]") + CURVE
    file = audit_file(root, text)
    run = ss.audit(file, root / "out", workers=2, save_networks=True)
    run.save(root / "out")
    return root / "out", run


def test_validation_images_choose_where_a_cell_has_several_rates(choosing):
    folder, run = choosing
    cells = [c for c in cells_of(folder).values() if (c["backbone"], c["arm"], c["target"]) == ("bee", "full", "dusk")]
    assert len(cells) == 2
    best = max(cells, key=lambda c: (c["validation"]["accuracy"], -c["validation"]["nll"]))
    (shown,) = (a for a in run.record.audit.accuracies if (a.backbone, a.arm, a.target) == ("bee", "full", "dusk"))
    assert shown.runs == [best["test"]["accuracy"]]


def test_scratch_cells_stand_under_every_backbone_of_their_architecture(choosing):
    _, run = choosing
    scratch = {a.backbone: a.runs for a in run.record.audit.accuracies if (a.arm, a.target) == ("scratch", "bright")}
    assert set(scratch) == {"ant", "bee", "cat"}
    assert scratch["ant"] == scratch["cat"]


def test_one_run_of_each_cell_gives_no_gap_because_no_standard_error_is_known(choosing):
    _, run = choosing
    assert run.record.audit.gaps == []


def test_curves_hold_full_and_scratch_by_budget(choosing):
    _, run = choosing
    curves = run.record.audit.curves
    assert set(curves) == {"cat on dusk, 6: full", "cat on dusk, 6: scratch"}
    assert all(list(curve) == ["2", "4"] for curve in curves.values())


def section_of(shop, cells):
    predicted = dict.fromkeys(("test_rows", "truth", "predicted"), pack(np.array([0, 1])))
    return audit_section(shop, {cell.key: cell.model_copy(update={**predicted, "n": 2}) for cell in cells}, [], {})


@pytest.mark.parametrize("chosen", [1e-3, 1e-2])
def test_point_of_a_curve_is_the_rate_that_validation_chose(tmp_path, chosen):
    shop = workshop_of(tmp_path, AUDIT.replace("places = {{ bright = 6 }}", "") + CURVE)
    jobs = list(curve_jobs(shop, shop.spec.curves[0], {}))
    assert {job.rate for job in jobs} == {1e-3, 1e-2}
    # Test accuracies are the other way round: 1 less that of validation.
    cells = [cell_of(job, shop, (0.7 if job.rate == chosen else 0.2) + job.steps / 100) for job in jobs]
    points = {"2": pytest.approx(0.28), "4": pytest.approx(0.26)}
    curves = section_of(shop, cells).curves
    assert curves == {"cat on dusk, 6: full": points, "cat on dusk, 6: scratch": points}


@pytest.mark.parametrize("lost", ["ant", "bee"])
def test_grid_without_the_rate_of_one_kind_is_not_complete(tmp_path, lost):
    shop = workshop_of(tmp_path, AUDIT + CURVE)
    tried = [cell_of(job, shop, 0.5) for job in searches(shop)]
    rates = chosen_rates(shop, tried)
    complete = section_of(shop, [*tried, *(cell_of(job, shop, 0.5) for job in grid(shop, rates))])
    assert complete.n_cells == complete.n_planned
    # No search of one kind of network succeeded, so that its cells could not be made.
    kept = [c for c, job in zip(tried, searches(shop), strict=True) if shop.kind(job.backbone) != shop.kind(lost)]
    found = chosen_rates(shop, kept)
    assert 0 < len(found) < len(rates)
    section = section_of(shop, [*kept, *(cell_of(job, shop, 0.5) for job in grid(shop, found))])
    assert section.n_planned == complete.n_planned
    assert section.n_cells == len({job.key(shop) for job in grid(shop, found)}) < section.n_planned


def test_arm_that_is_never_searched_is_not_waited_for(tmp_path):
    shop = workshop_of(tmp_path, AUDIT.replace("regimes = [6]", 'regimes = [6]\narms = ["linear", "full"]') + CURVE)
    tried = [cell_of(job, shop, 0.5) for job in searches(shop)]
    section = section_of(shop, [*tried, *(cell_of(job, shop, 0.5) for job in grid(shop, chosen_rates(shop, tried)))])
    assert section.n_cells == section.n_planned


def test_trained_networks_can_be_candidates_of_the_next_run(choosing):
    folder, run = choosing
    address = f"checkpoint:{folder}/networks/manifest.json#bee.dusk.6.full.seed3"
    target = f"imagefolder:{folder.parent}/dusk"
    again = ss.rank(target, [address], random=False).record
    (card,) = (c for c in again.backbones.values() if c.name == "bee.dusk.6.full.seed3")
    assert card.num_classes == 3
    assert card.source_domain == "dusk"
    assert len(run.record.backbones) == 3


def test_the_record_keeps_what_was_written_and_not_where_it_lay(choosing):
    folder, run = choosing
    assert run.record.backbones["ant"].name == "ant"
    assert run.record.inputs["dusk"].n == 54
    assert record_of(folder)["kind"] == "audit"
    assert ss.load(folder) == run.record
    assert "artifacts" not in [k for k, v in record_of(folder).items() if v]


def test_missing_file_and_options_are_refused_in_one_line(tmp_path):
    done = shiftscope("audit", tmp_path / "none.toml")
    assert done.code == 2
    assert "none.toml cannot be read" in done.err
    assert len(done.err.splitlines()) == 1
