"""Copies across the sets: found where they were put, and not where there are none."""

import numpy as np
import pytest
from PIL import Image

import shiftscope as ss
from shiftscope.analysis.copies import LEAST, find_copies
from shiftscope.analysis.neighbours import neighbours
from shiftscope.core.features import FeatureSet, Pair
from shiftscope.kernels import choose


def copies_of(source, target, **target_options):
    pair = Pair(
        FeatureSet.of(source, name="photo", ids=[f"s{i}" for i in range(len(source))]),
        FeatureSet.of(target, name="sketch", ids=[f"t{i}" for i in range(len(target))], **target_options),
    )
    return find_copies(pair, pair, neighbours(pair, choose()))


def spread(n, d=24, seed=0):
    """Samples along directions of falling variance, as features have them, with a mean far from the origin."""
    return 3 + np.random.default_rng(seed).normal(size=(n, d)) * np.arange(1, d + 1) ** -0.3


def test_copies_with_a_little_noise_are_found_with_their_originals():
    source, target = spread(120), spread(100, seed=1)
    target[:5] = source[7:12] + 0.05 * np.random.default_rng(2).normal(size=(5, 24))
    found = copies_of(source, target)
    assert (found.n_exact, found.n_near, found.n_compared) == (0, 5, 100)
    assert {(pair.target, pair.source) for pair in found.examples} == {(f"t{i}", f"s{i + 7}") for i in range(5)}
    assert all(0 < pair.distance < 0.25 * found.typical and not pair.exact for pair in found.examples)
    assert found.limit <= 0.25


def test_typical_distance_is_the_median_over_both_sides():
    source, target = spread(40), spread(30, seed=1)
    z = np.concatenate([source, target])
    z -= z.mean(axis=0)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    distance = 1 - z @ z.T
    np.fill_diagonal(distance, np.inf)
    own = np.concatenate([distance[:40, :40].min(axis=1), distance[40:, 40:].min(axis=1)])
    assert copies_of(source, target).typical == pytest.approx(np.median(own), rel=1e-5)


@pytest.mark.parametrize("d", [2, 5, 20, 200])
@pytest.mark.parametrize("moved", [0.0, 1.0])
def test_samples_of_their_own_are_no_copies(d, moved):
    """One false alarm in a hundred comparisons is what the rule allows; 40 of these have at most 3 with p < 0.001."""
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        alarms += copies_of(rng.normal(size=(60, d)), rng.normal(size=(45, d)) + moved).n_near > 0
    assert alarms <= 3


def test_limit_by_hand():
    """Nearest against second nearest within both sides, for either of a sample and its nearest fellow."""
    source, target = spread(40, 9), spread(30, 9, seed=1)
    centre = np.concatenate([source, target]).mean(axis=0)
    ratios = []
    for side in (source - centre, target - centre):
        unit = side / np.linalg.norm(side, axis=1, keepdims=True)
        distance = 1 - unit @ unit.T
        for i in range(len(unit)):
            order = [j for j in np.argsort(distance[i]) if j != i]
            fellow = order[0]
            others = [j for j in range(len(unit)) if j not in (i, fellow)]
            own = min(distance[i][others].min(), distance[fellow][others].min())
            ratios.append(distance[i, fellow] / own)
    below = [r for r in ratios if r < 1]
    exponent = np.log(0.5) / np.log(np.median(below))
    expected = (0.01 / (30 * len(below) / 70)) ** (1 / exponent)
    assert copies_of(source, target).limit == pytest.approx(min(0.25, expected), rel=1e-4)
    assert expected < 0.25


def test_sample_of_a_kind_that_the_source_has_many_of_is_no_copy():
    """It has no fellow near it on its own side, but the source sample next to it has."""
    rng = np.random.default_rng(0)
    kind = 3 + 6 * rng.normal(size=24)
    source = np.concatenate([spread(100), kind + 0.1 * rng.normal(size=(30, 24))])
    target = np.concatenate([spread(90, seed=1), kind + 0.1 * rng.normal(size=(1, 24))])
    assert copies_of(source, target).n_near == 0
    assert copies_of(target, source).n_near == 0


@pytest.mark.parametrize("d", [6, 8, 12])
def test_limit_is_where_one_pair_in_a_hundred_comparisons_is_expected(d):
    """On a sphere of d - 1 dimensions a ratio of squared distances is below r with probability r^((d - 1)/2)."""
    limits = [copies_of(spread(300, d, seed=s), spread(300, d, seed=s + 1)).limit for s in (0, 5, 9)]
    theory = (0.01 / 300) ** (2 / (d - 1))
    assert theory / 2 < np.median(limits) < theory * 2


def test_in_two_dimensions_hardly_anything_is_near_enough():
    assert copies_of(spread(300, 2), spread(300, 2, seed=1)).limit < 1e-8


def test_equal_content_is_exact_and_not_counted_twice():
    source, target = spread(50), spread(40, seed=1)
    target[3], target[11] = source[20], source[20]
    found = copies_of(source, target)
    assert (found.n_exact, found.n_near) == (2, 0)
    assert [(p.source, p.exact, p.distance) for p in found.examples] == [("s20", True, None)] * 2
    assert {p.target for p in found.examples} == {"t3", "t11"}


def test_equal_features_under_other_labels_are_near():
    source, target = spread(50), spread(40, seed=1)
    target[3] = source[20]
    found = copies_of(source, target, y=["dog"] * 40)
    assert (found.n_exact, found.n_near) == (0, 1)
    assert found.examples[0].distance == pytest.approx(0, abs=1e-12)


def test_pictures_of_one_group_are_no_fellows():
    """Frames of one video lie close together on their own side, too: that must not hide those on the other side."""
    rng = np.random.default_rng(0)
    videos = spread(80)
    frames = np.repeat(videos, 3, axis=0) + 0.03 * rng.normal(size=(240, 24))
    in_target = np.zeros(240, dtype=bool)
    in_target[100:222] = True  # videos 33 and 73 are cut in two
    group = np.repeat(np.arange(80), 3)
    pair = Pair(*(FeatureSet.of(frames[s], name=n, groups=group[s]) for s, n in ((~in_target, "a"), (in_target, "b"))))
    found = find_copies(pair, pair, neighbours(pair, choose()))
    assert found.n_near == int((in_target & np.isin(group, group[~in_target])).sum()) == 2


def test_small_or_degenerate_sides_are_searched_for_exact_copies_only():
    few = copies_of(spread(LEAST - 1), spread(40, seed=1))
    same = copies_of(np.ones((30, 4)), 1.0 + np.eye(30, 4) * 0)
    for found in (few, same):
        assert (found.n_near, found.n_compared, found.limit, found.typical) == (0, 0, None, None)
    assert same.n_exact == 30
    one_group = FeatureSet.of(spread(30), name="photo", groups=np.zeros(30))
    pair = Pair(one_group, FeatureSet.of(spread(30, seed=1), name="sketch", groups=np.zeros(30)))
    assert find_copies(pair, pair, neighbours(pair, choose())).limit is None


def test_exact_copies_are_counted_among_all_and_near_ones_among_some():
    source, target = spread(120), spread(100, seed=1)
    target[:50] = source[:50]
    pair = Pair(FeatureSet.of(source, name="photo"), FeatureSet.of(target, name="sketch"))
    some = Pair(pair.source.take(np.arange(40)), pair.target.take(np.arange(30)))
    found = find_copies(pair, some, neighbours(some, choose()))
    assert (found.n_exact, found.n_near, found.n_compared) == (50, 0, 30)
    assert len(found.examples) == 12


@pytest.mark.parametrize("domain", ["pacs_photo", "rsscn7_satellite"])
def test_re_encoded_pictures_are_found_and_halves_of_one_data_set_are_not(domain, shared_data, tmp_path):
    """5 % of the target are source pictures at nine tenths of their size and JPEG quality 60."""
    files = sorted((shared_data / "images" / domain).rglob("*.jpg"))
    order = np.random.default_rng(0).permutation(len(files))[:500]
    sides = {"source": order[:250], "target": order[250:]}
    for side, rows in sides.items():
        for i in rows:
            to = tmp_path / side / files[i].parent.name / files[i].name
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(files[i].read_bytes())
    zoo = f"checkpoint:{shared_data}/weights/manifest.json#mnv1_025_imagenet"

    def diagnosed():
        pair = [ss.embed(f"imagefolder:{tmp_path / side}", zoo, trust_code=True) for side in sides]
        return ss.diagnose(*pair, select=["mmd"]).record

    halves = diagnosed()
    assert halves.diagnoses[0].copies.n_near == 0
    assert "ST140" not in [f.code for f in halves.findings]
    for i in order[:13]:
        picture = Image.open(files[i]).convert("RGB")
        width, height = picture.size
        small = picture.resize((round(0.9 * width), round(0.9 * height)))
        small.save(tmp_path / "target" / files[i].parent.name / f"copy_of_{files[i].name}", quality=60)
    record = diagnosed()
    copies = record.diagnoses[0].copies
    assert copies.n_exact == 0
    assert 4 <= copies.n_near <= 13
    assert all(pair.target.replace("copy_of_", "") == pair.source for pair in copies.examples)
    assert "ST140" in [f.code for f in record.findings]
