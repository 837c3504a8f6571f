import numpy as np
import pytest
from scipy.special import softmax

from shiftscope.core.features import FeatureSet
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.measures.transfer.leep import leep
from shiftscope.measures.transfer.nce import nce


def headed(n, k, n_classes, seed=0, *, signal=1.0, sharp=2.0, y=None):
    """A feature set with a source head that knows something of the classes 0, 1, 2, 0, … of rows in order."""
    rng = np.random.default_rng(seed)
    true = np.arange(n) % n_classes
    logits = sharp * (signal * rng.normal(size=(n_classes, k))[true] + rng.normal(size=(n, k)))
    keys = [b"%06d" % i for i in range(n)]
    return FeatureSet.of(np.ones((n, 1)), true if y is None else y, keys=keys, logits=logits)


def published(f, temperature=1.0):
    theta, y = softmax(f.logits.astype(float) / temperature, axis=1), f.target.values
    given = np.array([theta[y == c].sum(axis=0) / theta.sum(axis=0) for c in range(f.target.n_classes)])
    return np.mean([np.log(given[c] @ t) for c, t in zip(y, theta, strict=True)])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_published_form_is_its_definition(temperature):
    f = headed(120, 20, 4)
    made = leep(f, variant="published", temperature=temperature)
    assert made.value == pytest.approx(published(f, temperature), rel=1e-10)
    assert leep(f, temperature=temperature).details["published"] == pytest.approx(made.value, rel=1e-12)
    assert made.losses.mean() == pytest.approx(-made.value)


def test_the_published_form_lies_above_its_bound_by_nce():
    f = headed(200, 15, 4)
    top = np.log(softmax(f.logits.astype(float), axis=1).max(axis=1)).mean()
    assert leep(f, variant="published").value > top + nce(f, variant="published").value


@pytest.mark.parametrize(("n", "k"), [(200, 8), (200, 800)])
def test_permuted_labels_give_the_entropy_of_the_classes(n, k):
    permuted = [np.random.default_rng(s).permutation(np.arange(n) % 4) for s in range(40)]
    made = [leep(headed(n, k, 4, y=y), rng=s) for s, y in enumerate(permuted)]
    values = np.array([m.value for m in made])
    # Held out, what is learnt from noise is lost again: the mean lies just below, and never above.
    assert -0.01 < values.mean() + np.log(4) < 3 * values.std(ddof=1) / np.sqrt(40)
    assert np.mean([m.details["published"] for m in made]) > -np.log(4) + 0.01
    assert made[0].low < made[0].value < made[0].high
    assert made[0].details["balanced"] == pytest.approx(0, abs=0.02)


def test_what_is_held_out_costs_little_where_samples_are_many():
    f = headed(2000, 10, 4)
    made = leep(f, rng=0)
    assert made.value == pytest.approx(published(f), abs=0.02)
    assert made.value < published(f)
    assert made.details["at_shares"] == 0
    assert made.details["entropy"] == pytest.approx(np.log(4))


def test_the_interval_covers_the_value_of_all_samples():
    rng = np.random.default_rng(0)
    means = rng.normal(size=(3, 6))

    def drawn(n, rng):
        y = np.arange(n) % 3
        return means[y] + rng.normal(size=(n, 6)), y

    logits, y = drawn(100_000, rng)
    truth = published(FeatureSet.of(np.ones((len(y), 1)), y, logits=logits))
    covered = 0
    for seed in range(60):
        logits, y = drawn(400, np.random.default_rng(seed))
        made = leep(
            FeatureSet.of(np.ones((400, 1)), y, keys=[b"%03d" % i for i in range(400)], logits=logits), rng=seed
        )
        covered += made.low <= truth <= made.high
    assert 52 <= covered <= 60


def test_heads_of_extreme_confidence_and_classes_without_mass_stay_finite():
    y = np.arange(60) % 3
    logits = 1e6 * np.eye(50)[np.arange(60) % 12]
    for variant in ("held_out", "published"):
        made = leep(FeatureSet.of(np.eye(60), y, logits=logits), variant=variant, rng=0)
        assert np.isfinite(made.losses).all()
        assert np.isfinite(made.draws).all()
        assert made.value > -0.01


def test_a_very_hot_head_says_nothing():
    made = leep(headed(90, 10, 3, sharp=5.0), temperature=1e6, rng=0)
    assert made.value == pytest.approx(-np.log(3), abs=1e-3)


def test_a_shift_of_all_logits_of_a_sample_changes_nothing():
    f = headed(90, 10, 3)
    moved = FeatureSet.of(f.features, f.target, keys=f.keys, logits=f.logits + 8.0)
    assert leep(moved, rng=0).value == pytest.approx(leep(f, rng=0).value, rel=1e-5)


def test_a_class_of_two_samples_and_string_labels():
    names = np.array(["rare"] * 2 + ["ant"] * 40 + ["bee"] * 40)
    codes = np.array([9] * 2 + [2] * 40 + [5] * 40)
    logits = np.random.default_rng(0).normal(size=(82, 6)) + 2 * np.eye(6)[codes % 6]
    keys = [b"%02d" % i for i in range(82)]
    named, coded = (leep(FeatureSet.of(np.ones((82, 1)), y, keys=keys, logits=logits), rng=0) for y in (names, codes))
    assert named.low < named.value < named.high <= 0
    assert named.model_dump() == coded.model_dump()


def test_whole_groups_are_held_out():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 4)
    y, logits = rng.integers(2, size=30)[groups], 6 * np.eye(30)[groups]
    keys = [b"%03d" % i for i in range(120)]
    copies = leep(FeatureSet.of(np.ones((120, 1)), y, keys=keys, logits=logits), rng=0)
    honest = leep(FeatureSet.of(np.ones((120, 1)), y, keys=keys, logits=logits, groups=groups), rng=0)
    assert copies.value > -0.4
    assert honest.value < -0.6


def test_a_head_that_answers_one_class_does_not_apply():
    logits = np.tile([0.0, 3.0], (20, 1)) + np.random.default_rng(0).random((20, 2))
    with pytest.raises(NotApplicableError, match="puts all 20 samples into its class 1"):
        leep(FeatureSet.of(np.eye(20), np.arange(20) % 2, logits=logits))


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("inf")])
def test_a_temperature_is_positive(temperature):
    with pytest.raises(InputError, match=r"measures\.leep\.temperature"):
        leep(headed(20, 4, 2), temperature=temperature)
