"""From cells to the audit section: which cells stand for what."""

import pytest
from smallworld import AUDIT, audit_file, record_of, shiftscope
from test_work import cells_of

import shiftscope as ss


@pytest.fixture(scope="module")
def choosing(tmp_path_factory):
    """An audit without places for the search, in which every cell chooses its own rate; and with a curve."""
    root = tmp_path_factory.mktemp("choosing")
    curve = '\n[[curves]]\ntarget = "dusk"\nbackbone = "cat"\nregime = 6\nsteps = [2, 4]\n'
    text = AUDIT.replace("places = {{ bright = 6 }}", "").replace("seeds = [0, 1]", "seeds = [3]") + curve
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
