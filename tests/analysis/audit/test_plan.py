"""Which cells an audit has, what decides them, and how rates are chosen."""

from dataclasses import replace

import pytest
from smallworld import AUDIT, audit_file

from shiftscope.analysis.audit.plan import Job, chosen_rates, grid, searches
from shiftscope.analysis.audit.workshop import Workshop
from shiftscope.core.audit_spec import load_audit
from shiftscope.core.cells import Cell, Metrics
from shiftscope.errors import InputError


def workshop_of(folder, text=AUDIT):
    return Workshop(load_audit(audit_file(folder, text))[0])


def cell_of(job, workshop, accuracy, nll=1.0):
    metrics = Metrics(
        n=1, accuracy=accuracy, macro_f1=0, auc=None, nll=nll, brier=0, calibration_error=0, confusion=[[1]]
    )
    return Cell(
        key=job.key(workshop),
        backbone=job.shown(workshop),
        target=job.target,
        regime=str(job.regime),
        arm=job.arm,
        seed=job.seed,
        side=16,
        recipe={"rate": job.rate, "steps": job.steps},
        n_train=1,
        validation=metrics,
        test=metrics.model_copy(update={"accuracy": 1 - accuracy}),
        n=1,
        test_rows="",
        truth="",
        predicted="",
        seconds=0,
    )


def test_scratch_is_trained_once_per_architecture_target_regime_and_seed(tmp_path):
    shop = workshop_of(tmp_path)
    rates = {(shop.kind(b), arm): 1e-3 for b in shop.spec.backbones for arm in ("full", "scratch")}
    jobs = list(grid(shop, rates))
    # ant and cat are one architecture, bee another: pixels + 3 linear + 3 full + 2 scratch at 2 targets x 2 seeds.
    assert len(jobs) == 9 * 4
    assert len({job.key(shop) for job in jobs}) == len(jobs)
    assert len({cell_of(job, shop, 0.5).address for job in jobs}) == len(jobs)
    scratch = [job for job in jobs if job.arm == "scratch"]
    assert {job.backbone for job in scratch} == {"ant", "bee"}


def test_searches_try_every_rate_at_their_places_only(tmp_path):
    shop = workshop_of(tmp_path)
    jobs = list(searches(shop))
    assert {(job.target, job.seed) for job in jobs} == {("bright", 0)}
    assert len(jobs) == 5 * 2  # three full and two scratch, two rates
    assert {job.arm for job in jobs} == {"full", "scratch"}


def test_rate_is_chosen_by_validation_images_over_all_weights_of_an_architecture(tmp_path):
    shop = workshop_of(tmp_path)
    # ant prefers the low rate by little, cat the high one by much: they share an architecture and its rate. Test
    # accuracies say the opposite.
    validation = {("ant", 1e-3): 0.6, ("ant", 1e-2): 0.5, ("cat", 1e-3): 0.2, ("cat", 1e-2): 0.9}
    cells = [
        cell_of(job, shop, validation.get((job.backbone, job.rate), 0.5), nll=2 - 100 * job.rate)
        for job in searches(shop)
    ]
    rates = chosen_rates(shop, cells)
    assert rates[shop.kind("ant"), "full"] == 1e-2
    # Equal accuracies: the lower validation loss decides.
    assert rates[shop.kind("bee"), "full"] == 1e-2
    assert rates[shop.kind("bee"), "scratch"] == 1e-2


def test_cells_without_a_rate_are_not_made(tmp_path):
    shop = workshop_of(tmp_path)
    assert {job.arm for job in grid(shop, {})} == {"pixels", "linear"}


def test_without_places_every_cell_tries_every_rate(tmp_path):
    shop = workshop_of(tmp_path, AUDIT.replace("places = {{ bright = 6 }}", ""))
    assert not list(searches(shop))
    full = [
        job for job in grid(shop, {}) if (job.backbone, job.arm, job.target, job.seed) == ("bee", "full", "dusk", 1)
    ]
    assert sorted(job.rate for job in full) == [1e-3, 1e-2]


def test_last_stage_uses_the_rate_of_the_whole_network_and_keeps_to_its_regimes(tmp_path):
    text = AUDIT.replace("regimes = [6]", 'regimes = [4, 6]\narms = ["full", "last_stage"]\nlast_stage = [4]')
    shop = workshop_of(tmp_path, text)
    rates = {(shop.kind(b), "full"): 3e-3 for b in shop.spec.backbones}
    last = [job for job in grid(shop, rates) if job.arm == "last_stage"]
    assert {job.rate for job in last} == {3e-3}
    assert {job.regime for job in last} == {4}


def test_a_curve_shares_the_cell_of_the_grid_that_has_its_budget(tmp_path):
    curve = '\n[[curves]]\ntarget = "dusk"\nbackbone = "cat"\nregime = 6\nsteps = [2, 4]\n'
    shop = workshop_of(tmp_path, AUDIT + curve)
    rates = {(shop.kind(b), arm): 1e-3 for b in shop.spec.backbones for arm in ("full", "scratch")}
    jobs = list(grid(shop, rates))
    assert len(jobs) == 9 * 4 + 4
    assert len(set(jobs)) == 9 * 4 + 2


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"rate": 2e-3},
        {"steps": 5},
        {"regime": 5},
        {"target": "dusk"},
        {"backbone": "bee"},
        {"backbone": "cat"},
        {"arm": "last_stage"},
    ],
)
def test_key_changes_with_all_that_decides_a_cell(tmp_path, change):
    shop = workshop_of(tmp_path)
    job = Job("bright", 6, 0, "full", "ant", 4, 1e-3)
    assert job.key(shop) == Job("bright", 6, 0, "full", "ant", 4, 1e-3).key(workshop_of(tmp_path / "again"))
    assert replace(job, **change).key(shop) != job.key(shop)


def test_key_changes_with_the_pictures(tmp_path):
    job = Job("bright", 6, 0, "linear", "ant")
    before = job.key(workshop_of(tmp_path))
    next((tmp_path / "bright" / "disc").iterdir()).unlink()
    assert job.key(Workshop(load_audit(tmp_path / "audit.toml")[0])) != before


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("places = {{ bright = 6 }}", "places = {{ brite = 6 }}", "names 'brite', which is no target"),
        ('overlap = ["dusk"]', 'overlap = ["dawn"]', "names 'dawn', which is no target"),
        ("regimes = [6]", "regimes = [6]\nregime = 6", "no option named 'regime'. Did you mean 'regimes'"),
        ('family = "insects"\noverlap', 'famly = "insects"\noverlap', r"toml: backbones\.\w+\.family is missing"),
        ("regimes = [6]", "regimes = [1]", r"toml: regimes\.0: 1 cannot be used"),
        ("[targets.dusk]", '[targets."dusk/dawn"]', r"toml: targets\.dusk/dawn: 'dusk/dawn' cannot be used"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(tmp_path, old, new, says):
    with pytest.raises(InputError, match=says):
        workshop_of(tmp_path, AUDIT.replace(old, new))


def test_an_unset_variable_is_named(tmp_path):
    shop = workshop_of(tmp_path, AUDIT.replace('"imagefolder:{root}/dusk"', '"imagefolder:$NOT_SET_ANYWHERE/dusk"'))
    with pytest.raises(InputError, match="NOT_SET_ANYWHERE is not set"):
        shop.source("dusk")


def test_a_regime_that_leaves_no_test_images_is_refused_before_any_work(tmp_path):
    shop = workshop_of(tmp_path, AUDIT.replace("regimes = [6]", "regimes = [6, 12]"))
    with pytest.raises(InputError, match="bright: Class 'disc' has 18 images: a regime of 12"):
        shop.check()


def test_half_random_weights_are_told_from_the_weights(tmp_path):
    import torch

    # bee was drawn under another seed than the one that makes layers random, so random layers show.
    shop = workshop_of(tmp_path, AUDIT.replace('#ant"\nfamily = "made"', '#bee"\nfamily = "made"'))
    bee, cat = (shop.native(name).module().state_dict() for name in ("bee", "cat"))
    same = [torch.equal(bee[name], cat[name]) for name in bee if name.endswith("weight")]
    assert same[0]
    assert not same[-1]
    assert shop.native("bee").card.identity != shop.native("cat").card.identity
