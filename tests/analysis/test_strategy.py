"""The rules of the decision where they begin and end, and what else the advice says."""

from itertools import product

import numpy as np
import pytest
from altered import demo

from shiftscope.analysis.strategy import RULES, Facts, advise, decide, learning_curve, sure_level
from shiftscope.checks.transfer import check_transfer
from shiftscope.core.features import FeatureSet
from shiftscope.core.forecast import ArmForecast, Forecast, Paired
from shiftscope.core.records import BackboneCost, Estimate, ShiftDiagnosis
from shiftscope.core.strategy import LearningPoint
from shiftscope.measures import MEASURES

PLAIN = Facts(p_head=0.2, p_full=0.2, gain_shown=True, level=0.5)


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        # Harm in both: both reach one half, and no gain is shown.
        ({"p_head": 0.5, "p_full": 0.5, "gain_shown": False}, "harm-in-both"),
        ({"p_head": 0.5, "p_full": 0.5, "gain_shown": True}, "otherwise"),
        ({"p_head": 0.4999, "p_full": 0.9, "gain_shown": False}, "otherwise"),
        ({"p_head": 0.9, "p_full": 0.4999, "gain_shown": False}, "otherwise"),
        ({"p_head": None, "p_full": 0.9, "gain_shown": False}, "otherwise"),
        ({"p_head": 0.9, "p_full": None, "gain_shown": False}, "otherwise"),
        ({"p_head": None, "p_full": None, "gain_shown": False}, "otherwise"),
        # It comes before the other.
        ({"p_head": 0.9, "p_full": 0.9, "gain_shown": False, "level": 1.0}, "harm-in-both"),
        # Nearly solved: 95 % of the way.
        ({"level": 0.95}, "nearly-solved"),
        ({"level": 0.9499}, "otherwise"),
        ({"level": 0.95, "p_head": 0.9, "p_full": 0.9}, "nearly-solved"),
        ({"level": 0.95, "p_head": None, "p_full": None, "gain_shown": False}, "nearly-solved"),
        ({"level": -0.3}, "otherwise"),
    ],
)
def test_the_first_rule_that_holds_decides(facts, rule):
    assert decide(PLAIN._replace(**facts)) == rule


def test_what_each_rule_advises_is_what_the_protocol_says():
    assert RULES == {"harm-in-both": "scratch", "nearly-solved": "head", "otherwise": "full"}


def probe(value, low=None, *, largest=0.25, n=200, n_classes=4):
    details = {"accuracy": value, "largest_class": largest, "n": n, "n_classes": n_classes}
    ends = {} if low is None else {"low": low, "high": 1.0, "level": 0.95}
    return Estimate(value=value, details=details, **ends)


PROBE = probe(0.7, 0.6)


def foretold(p_head=0.2, p_full=0.2, *, shown=True, measure="ridge"):
    gain = Paired(
        measure=measure, baseline="pixels", gain=0.1, low=0, high=0.2, level=0.95, pvalue_holm=0.01 if shown else 0.5
    )
    arms = [ArmForecast(arm=a, probability=p, low=p, high=p) for a, p in (("full", p_full), ("head", p_head)) if p]
    return Forecast(target="here", backbone="net", arms=arms, evidence=[gain])


def of_rules(advice):
    return [reason.rule for reason in advice.reasons]


def says(advice, rule):
    (reason,) = (r for r in advice.reasons if r.rule == rule)
    return reason.says


SMALL, LARGE = BackboneCost(parameters=4_999_999), BackboneCost(parameters=5_000_000)


def test_the_level_is_that_of_the_lower_end():
    # From a largest class of one half, 0.975 is 95 % of the way; 0.625 a quarter of it.
    assert sure_level(probe(1.0, 0.975, largest=0.5)) == pytest.approx(0.95, abs=1e-15)
    assert sure_level(probe(1.0, 0.625, largest=0.5)) == 0.25
    assert sure_level(probe(0.4, 0.3, largest=0.5)) == pytest.approx(-0.4)
    assert sure_level(probe(0.75, largest=0.5)) == 0.5


def test_facts_are_read_off_forecast_and_probe():
    made = advise(foretold(), PROBE, cost=SMALL)
    assert (made.target, made.backbone, made.action, of_rules(made)[0]) == ("here", "net", "full", "otherwise")
    solved = advise(foretold(), probe(0.99, 0.976, largest=0.5))
    assert solved.action == "head"
    assert "at least 95 % of the way" in says(solved, "nearly-solved")
    # Without an error, and yet of ten samples only.
    assert advise(foretold(), probe(1.0, 0.72, largest=0.5, n=10)).action == "full"


def test_ten_right_answers_in_ten_do_not_solve_a_target():
    x, y = np.repeat([[0.0], [9.0]], 5, axis=0) + np.arange(10)[:, None] * 1e-3, np.repeat([0, 1], 5)
    few = MEASURES["ridge"](FeatureSet.of(x, y), rng=0)
    many = MEASURES["ridge"](FeatureSet.of(np.tile(x, (20, 1)) + np.arange(200)[:, None] * 1e-4, np.tile(y, 20)), rng=0)
    assert few.value == many.value == 1
    assert advise(foretold(), few).action == "full"
    assert advise(foretold(), many).action == "head"


def test_harm_needs_both_arms_and_no_shown_gain_of_the_probe():
    made = advise(foretold(0.61, 0.52, shown=False), PROBE, cost=SMALL)
    assert made.action == "scratch"
    assert "frozen head (0.61) and with fine-tuning (0.52)" in says(made, "harm-in-both")
    assert advise(foretold(0.61, 0.52), PROBE).action == "full"
    assert advise(foretold(0.61, None, shown=False), PROBE).action == "full"
    # A gain of another measure is none of the probe.
    assert advise(foretold(0.61, 0.52, measure="knn"), PROBE).action == "scratch"


@pytest.mark.parametrize("level", [0.6, 0.99])
@pytest.mark.parametrize("shown", list(product([True, False], repeat=2)))
def test_advice_and_findings_never_contradict(shown, level):
    chances = (None, 0.1, 0.4999, 0.5, 0.8, 1.0)
    for chance in product(chances, chances):
        forecast = forecast_of(dict(zip(("head", "full"), chance, strict=True)), shown)
        made, record = advise(forecast, probe(1.0, level)), demo().model_copy(update={"forecasts": [forecast]})
        reason = made.reasons[0].says
        hurt = {finding.evidence["arm"] for finding in check_transfer(record) if finding.code == "NT201"}
        advised = forecast.of(made.action)
        if advised is None:
            assert (made.action, hurt) == ("scratch", {"head", "full"})
            continue
        likely = advised.probability is not None and advised.probability >= 0.5
        assert ("NT201" in reason) == (made.action in hurt)
        assert ("speaks against it" in reason) == likely
        assert ("Nothing speaks against" in reason) == (made.action == "full" and not likely)
        if likely:
            assert f"with a probability of {advised.probability:.2f}." in reason
            assert reason.endswith("See NT201 before you train.") == (made.action in hurt)


def forecast_of(chances, shown):
    arms = [ArmForecast(arm=arm, probability=p) for arm, p in chances.items()]
    gains = [
        Paired(measure="ridge", baseline=b, gain=0, low=0, high=0, level=0.95, pvalue_holm=0.01 if s else 0.5)
        for b, s in zip(("pixels", "net@random"), shown, strict=True)
    ]
    return Forecast(target="here", backbone="net", arms=arms, evidence=gains)


def test_rule_that_the_forecast_speaks_against_says_so():
    made = advise(forecast_of({"head": 0.3, "full": 0.8}, (False, False)), PROBE)
    assert made.action == "full"
    assert says(made, "otherwise") == (
        "By this rule fine-tune all layers: in the ground truth that lost least, with 5 labelled samples per class as "
        "with hundreds. The forecast speaks against it: fine-tuning ends below training from scratch with a "
        "probability of 0.80. See NT201 before you train."
    )
    shown = advise(forecast_of({"head": 0.9, "full": 0.8}, (True, True)), PROBE)
    assert says(shown, "otherwise").endswith("Yet the probe is shown to beat raw pixels and random weights.")


def test_learning_rates_follow_the_size_and_are_not_made_up():
    assert advise(foretold(), PROBE, cost=SMALL).rates == (3e-3, 3e-2)
    made = advise(foretold(), PROBE, cost=LARGE)
    assert made.rates == (1e-5, 1e-3)
    assert "from 1e-05 to 0.001" in says(made, "learning-rate")
    assert "custom" in says(made, "learning-rate")
    for cost in (None, BackboneCost()):
        unknown = advise(foretold(), PROBE, cost=cost)
        assert (unknown.rates, of_rules(unknown)) == (None, ["otherwise"])
    head = advise(foretold(), probe(1.0, 0.99), cost=SMALL)
    assert (head.rates, of_rules(head)) == (None, ["nearly-solved"])


def curve(*accuracies):
    sizes = (50, 100, 200)
    return [LearningPoint(n=n, accuracy=a) for n, a in zip(sizes, accuracies, strict=False)]


@pytest.mark.parametrize(
    ("accuracies", "last", "more"),
    [
        ((0.5, 0.7, 0.8), "10.0", "5.0"),  # steps of 20 and 10 points: the next is 5
        ((0.5, 0.6, 0.8), "20.0", "20.0"),  # steps that grow are not taken to grow on
        ((0.5, 0.6, 0.58), "-2.0", "0.0"),
        ((0.6, 0.6, 0.65), "5.0", "0.0"),  # nothing before it to compare with
        ((0.6, 0.5, 0.65), "15.0", "0.0"),
        ((0.5, 0.6, 0.6), "0.0", "0.0"),
    ],
)
def test_another_doubling_is_read_off_the_last_two(accuracies, last, more):
    text = says(advise(foretold(), PROBE, curve=curve(*accuracies)), "label-more")
    assert f"gained {last} points" in text
    assert text.endswith(f"another doubling to 400 may add about {more}.")


def test_a_curve_of_two_points_says_nothing():
    made = advise(foretold(), PROBE, curve=curve(0.5, 0.6))
    assert "label-more" not in of_rules(made)
    assert [p.accuracy for p in made.curve] == [0.5, 0.6]


def test_alignment_is_advised_where_it_is_shown_to_help():
    def align(low):
        estimate = Estimate(value=0.62, low=low, high=0.9, level=0.95)
        return of_rules(advise(foretold(), PROBE, alignability={"photo": estimate}))

    assert "align-first" in align(0.01)
    assert "align-first" not in align(0.0)
    assert "align-first" not in of_rules(advise(foretold(), PROBE, alignability={"photo": Estimate(value=0.62)}))
    made = advise(foretold(), PROBE, alignability={"photo": Estimate(value=0.62, low=0.1, high=0.9, level=0.95)})
    assert "removes 62 % of the shift" in says(made, "align-first")


def test_a_source_is_to_be_weighed():
    diagnosis = ShiftDiagnosis(source="photo", target="here", backbone="net", n_source=9, n_target=9, rows=[])
    made = advise(foretold(), PROBE, diagnoses=[diagnosis])
    assert "Samples of photo may help or hurt" in says(made, "weigh-sources")


def test_only_the_rule_that_decided_was_scored():
    diagnosis = ShiftDiagnosis(source="photo", target="here", backbone="net", n_source=9, n_target=9, rows=[])
    made = advise(
        foretold(),
        PROBE,
        curve=curve(0.4, 0.5, 0.5),
        cost=SMALL,
        diagnoses=[diagnosis],
        alignability={"photo": Estimate(value=0.5, low=0.4, high=0.6, level=0.95)},
    )
    assert of_rules(made) == ["otherwise", "learning-rate", "label-more", "align-first", "weigh-sources"]
    assert [reason.scored for reason in made.reasons] == [True, False, False, False, False]
    assert all("\n" not in r.says and "  " not in r.says and r.says.endswith(".") for r in made.reasons)


def clusters(counts, *, apart=1.0, d=30, seed=0, **how):
    rng, y = np.random.default_rng(seed), np.repeat(np.arange(len(counts)), counts)
    x = rng.normal(size=(len(y), d))
    x[np.arange(len(y)), y] += apart
    return FeatureSet.of(x, y, **how)


@pytest.mark.parametrize("seed", range(3))
def test_more_samples_make_the_probe_better(seed):
    features = clusters([60] * 6, apart=2.5, d=100, seed=seed)
    quarter, half = learning_curve(features, seed=3)
    assert quarter.accuracy < half.accuracy < MEASURES["ridge"](features, rng=3).value
    assert learning_curve(features, seed=3) == [quarter, half]
    assert learning_curve(features, seed=4) != [quarter, half]


def test_parts_are_a_quarter_and_a_half_of_every_class():
    assert [p.n for p in learning_curve(clusters([120, 81, 43]))] == [30 + 20 + 10, 60 + 40 + 21]


def test_noise_has_a_flat_curve():
    rng = np.random.default_rng(0)
    features = FeatureSet.of(rng.normal(size=(400, 10)), np.arange(400) % 2)
    # Four draws of 100 and of 200 held-out answers: 4 standard errors are 0.1 and 0.07.
    assert [p.accuracy for p in learning_curve(features)] == pytest.approx([0.5, 0.5], abs=0.1)


def test_points_are_means_over_four_stratified_draws(monkeypatch):
    seen = []
    ridge = MEASURES["ridge"]

    def watched(features, *, rng, intervals):
        seen.append(features)
        return ridge(features, rng=rng, intervals=intervals)

    monkeypatch.setitem(MEASURES._loaded, "ridge", watched)
    features = clusters([40, 9])
    points = learning_curve(features, seed=1)
    assert [fs.target.counts.tolist() for fs in seen] == [[10, 2]] * 4 + [[20, 4]] * 4
    assert len({fs.keys.tobytes() for fs in seen}) == 8
    again = [np.mean([ridge(fs, rng=1).value for fs in part]) for part in (seen[:4], seen[4:])]
    assert [p.accuracy for p in points] == pytest.approx(again)


@pytest.mark.parametrize(
    "features",
    [
        clusters([40, 7]),
        clusters([40, 40], groups=np.arange(80) // 2),
        FeatureSet.of(np.random.default_rng(0).normal(size=(80, 3)), np.random.default_rng(1).normal(size=(80, 2))),
        FeatureSet.of(np.random.default_rng(0).normal(size=(80, 3)), np.eye(4)[np.arange(80) % 4]),
        FeatureSet.of(np.random.default_rng(0).normal(size=(80, 3))),
    ],
    ids=["a class of seven", "groups", "real", "several labels", "no labels"],
)
def test_no_curve(features):
    assert learning_curve(features) == []
