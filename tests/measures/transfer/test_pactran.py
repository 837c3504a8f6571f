import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from shiftscope.core.features import FeatureSet
from shiftscope.errors import InputError, NotApplicableError
from shiftscope.measures.transfer import pactran as module
from shiftscope.measures.transfer.pactran import pactran


def by_sklearn(f, temper, prior_variance):
    """The terms of the bound, with the head of scikit-learn and the Hessian of torch, in the given coordinates."""
    x, y, n = f.features.astype(float), f.target.values, f.n
    x -= x.mean(axis=0)
    x /= np.sqrt(np.square(x).sum(axis=1).mean())
    model = LogisticRegression(C=temper * prior_variance, tol=1e-10, max_iter=10_000).fit(x, y)
    head, intercept = torch.tensor(model.coef_), torch.tensor(model.intercept_)
    data, labels = torch.tensor(x), torch.tensor(y)

    def loss(w):
        return torch.nn.functional.cross_entropy(data @ w.reshape(head.shape).T + intercept, labels)

    flat = head.flatten()
    trace = torch.autograd.functional.hessian(loss, flat).diagonal().sum().item()
    size = len(flat) if n > f.d else (n - 1) * f.target.n_classes
    penalty = float(flat @ flat) / (2 * temper * n * prior_variance)
    return (
        loss(flat).item(),
        penalty,
        size / (2 * temper * n) * np.log(1 + temper * n * prior_variance * trace / size),
    )


@pytest.mark.parametrize(("n", "d"), [(120, 6), (40, 60)])
@pytest.mark.parametrize(("temper", "prior_variance"), [(1.0, 10.0), (0.3, 2.0)])
def test_the_terms_are_those_of_sklearn_and_torch(clusters, n, d, temper, prior_variance):
    f = clusters(n, d, 3, apart=0.7)
    made = pactran(f, temper=temper, prior_variance=prior_variance, rng=0)
    loss, penalty, complexity = by_sklearn(f, temper, prior_variance)
    assert made.details["cross_entropy"] == pytest.approx(loss, rel=1e-4)
    assert made.details["penalty"] == pytest.approx(penalty, rel=1e-4)
    assert made.details["complexity"] == pytest.approx(complexity, rel=1e-4)
    assert made.value == pytest.approx(-(loss + penalty + complexity), rel=1e-6)
    assert made.details["weights"] == 3 * min(d, n - 1)


def test_defaults_are_stated(clusters):
    f = clusters(60, 4, 3)
    assert pactran(f, rng=0).value == pactran(f, temper=1.0, prior_variance=10.0, rng=0).value


@pytest.mark.parametrize("d", [5, 40, 300])
def test_permuted_labels_score_below_the_entropy_of_the_classes(clusters, relabelled, d):
    f = clusters(150, d, 3, apart=1.5)
    values = [pactran(relabelled(f, s), rng=0).value for s in range(5)]
    assert max(values) < -np.log(3)
    assert pactran(f, rng=0).value > -np.log(3)


def test_a_prior_that_allows_no_weights_leaves_the_entropy_of_the_classes():
    f = FeatureSet.of(np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) % 3 == 0)
    made = pactran(f, prior_variance=1e-9)
    share = 1 / 3
    whole = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert made.details["entropy"] == pytest.approx(whole)
    assert made.value == pytest.approx(-whole, abs=1e-6)


@pytest.mark.parametrize(("n", "d", "apart"), [(120, 8, 0.7), (120, 200, 0.4)])
def test_the_interval_is_as_wide_as_data_sets_differ(n, d, apart):
    means = apart * np.random.default_rng(99).normal(size=(3, d))
    y = np.arange(n) % 3
    made = [
        pactran(FeatureSet.of(means[y] + np.random.default_rng(s).normal(size=(n, d)), y), rng=s) for s in range(25)
    ]
    spread = np.std([m.value for m in made], ddof=1)
    claimed = np.mean([m.high - m.low for m in made]) / (2 * 1.96)
    assert 0.7 * spread < claimed < 1.6 * spread


def test_duplicated_samples_string_labels_and_a_tiny_class():
    rng = np.random.default_rng(0)
    x, names = rng.normal(size=(41, 5)), np.array(["b"] * 20 + ["a"] * 19 + ["c"] * 2)
    made = pactran(FeatureSet.of(np.repeat(x, 3, axis=0), np.repeat(names, 3)), rng=0)
    assert made.low < made.value < made.high < 0


def test_a_fit_that_does_not_end_is_an_error(clusters, monkeypatch):
    monkeypatch.setattr(module, "MAX_STEPS", 2)
    with pytest.raises(RuntimeError, match="not fitted in 2 steps"):
        pactran(clusters(60, 8, 3))


@pytest.mark.parametrize("option", ["temper", "prior_variance"])
def test_hyper_parameters_are_positive(clusters, option):
    with pytest.raises(InputError, match=rf"measures\.pactran\.{option}: 0.* cannot be used"):
        pactran(clusters(20, 3, 2), **{option: 0.0})


def test_one_class_does_not_apply():
    with pytest.raises(NotApplicableError, match="one class only"):
        pactran(FeatureSet.of(np.eye(6), np.zeros(6, int)))
