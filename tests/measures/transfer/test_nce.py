import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.metrics import mutual_info_score
from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information

from shiftscope.core.features import FeatureSet
from shiftscope.errors import NotApplicableError
from shiftscope.measures.transfer.nce import nce


def headed(y, answers, k, seed=0, **given):
    """A feature set whose source head answers as told."""
    logits = np.random.default_rng(seed).random((len(y), k)) + 2 * np.eye(k)[answers]
    keys = [b"%06d" % i for i in range(len(y))]
    return FeatureSet.of(np.ones((len(y), 1)), y, keys=keys, logits=logits, **given)


def drawn(n, k, n_classes, seed=0, known=0.6):
    """Labels, and answers that are decided by the label with probability ``known``."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    home = y + n_classes * rng.integers(k // n_classes, size=n)
    return y, np.where(rng.random(n) < known, home, rng.integers(k, size=n))


@pytest.mark.parametrize(("n", "k", "n_classes"), [(200, 12, 4), (200, 300, 4), (300, 50, 25)])
def test_both_variants_are_the_entropies_of_sklearn(n, k, n_classes):
    y, answers = drawn(n, k, n_classes)
    whole, shared = entropy(np.bincount(y)), mutual_info_score(y, answers)
    chance = expected_mutual_information(contingency_matrix(y, answers), n)
    f = headed(y, answers, k)
    assert nce(f, variant="published").value == pytest.approx(shared - whole, rel=1e-10)
    expected = whole * ((shared - chance) / (whole - chance) - 1)
    made = nce(f, rng=0)
    assert made.value == pytest.approx(expected, rel=1e-9)
    assert made.details["published"] == pytest.approx(shared - whole, rel=1e-10)
    assert made.details["entropy"] == pytest.approx(whole)
    assert made.details["balanced"] == pytest.approx(1 + expected / whole)
    assert made.details["source_classes"] == len(np.unique(answers))


@pytest.mark.parametrize("k", [10, 400])
def test_permuted_labels_give_the_entropy_of_the_classes(k):
    y, answers = drawn(300, k, 5)
    rng = np.random.default_rng(0)
    made = [nce(headed(rng.permutation(y), answers, k), rng=0) for _ in range(40)]
    values = np.array([m.value for m in made])
    assert abs(values.mean() + np.log(5)) < 3 * values.std(ddof=1) / np.sqrt(40)
    published = np.mean([m.details["published"] for m in made])
    assert published > -np.log(5) + (0.01 if k == 10 else 0.5)


def test_a_head_that_decides_the_label_scores_0_whatever_the_number_of_classes():
    y = np.arange(120) % 4
    made = nce(headed(y, y + 4 * (np.arange(120) % 10), 40), rng=0)
    assert made.value == pytest.approx(0, abs=1e-12)
    assert made.details["balanced"] == pytest.approx(1)
    p = 3 / 120
    assert made.low == pytest.approx(-entropy([p, 1 - p]), rel=1e-6)
    assert made.high == pytest.approx(0, abs=1e-12)


def test_the_interval_covers_the_value_of_all_samples():
    rng = np.random.default_rng(0)
    given = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.4, 0.3, 0.3]])
    joint = given / given.sum(axis=0) / 3
    truth = -(joint.sum(axis=1) @ entropy(joint, axis=1))
    y = np.arange(300) % 3
    covered = 0
    for seed in range(60):
        answers = np.array([rng.choice(4, p=3 * joint[:, c]) for c in y])
        made = nce(headed(y, answers, 4), rng=seed)
        covered += made.low <= truth <= made.high
    assert 52 <= covered <= 60


def test_names_of_classes_and_their_gaps_mean_nothing():
    y, answers = drawn(90, 9, 3)
    same = [nce(headed(names[y], answers, 9), rng=0) for names in (np.array([0, 1, 2]), np.array([5, 7, 900]))]
    named = nce(headed(np.array(["ant", "bee", "cat"])[y], answers, 9), rng=0)
    assert same[0].model_dump() == same[1].model_dump() == named.model_dump()


def test_the_order_of_samples_means_nothing():
    y, answers = drawn(90, 9, 3)
    x = np.random.default_rng(0).normal(size=(90, 3))
    logits = np.eye(9)[answers]
    order = np.random.default_rng(1).permutation(90)
    made = [nce(FeatureSet.of(x[o], y[o], logits=logits[o]), rng=0) for o in (np.arange(90), order)]
    assert made[0].model_dump_json() == made[1].model_dump_json()
    np.testing.assert_array_equal(made[0].draws, made[1].draws)


def test_two_classes_with_a_tiny_one():
    y = np.array([0] * 50 + [1] * 2)
    made = nce(headed(y, np.arange(52) % 3, 3), rng=0)
    assert made.low < made.value < made.high <= 0


@pytest.mark.parametrize("variant", ["adjusted", "published"])
@pytest.mark.parametrize(
    ("logits", "reason"),
    [
        (np.ones((12, 1)), "has one output only"),
        (np.tile([0.0, 1.0, 0.5], (12, 1)), "puts all 12 samples into its class 1"),
        (np.where(np.arange(36).reshape(12, 3) == 7, np.nan, 1.0), "NaN or infinity for 1 samples"),
    ],
)
def test_what_is_no_head_does_not_apply(variant, logits, reason):
    with pytest.raises(NotApplicableError, match=reason):
        nce(FeatureSet.of(np.eye(12), np.arange(12) % 3, logits=logits), variant=variant)


def test_a_source_class_for_every_sample_does_not_apply():
    f = headed(np.arange(12) % 3, np.arange(12), 12)
    with pytest.raises(NotApplicableError, match="gives no class to two samples"):
        nce(f)
    assert nce(f, variant="published").value == 0


@pytest.mark.parametrize(
    ("y", "reason"),
    [
        (np.zeros(6, int), "one class only"),
        (np.array([0, 0, 0, 0, 0, 1]), "has one sample"),
        (np.eye(6)[:, :3], "nce needs classes"),
        (np.linspace(0, 1, 6), "nce needs classes"),
    ],
)
def test_what_is_not_classes_does_not_apply(y, reason):
    with pytest.raises(NotApplicableError, match=reason):
        nce(FeatureSet.of(np.eye(6), y, logits=np.eye(6)))
