import numpy as np
import pytest
from safetensors.numpy import save_file

from shiftscope.core.features import FeatureSet
from shiftscope.data import feature_sets, open_source
from shiftscope.errors import InputError, UnknownNameError


def rng():
    return np.random.default_rng(0)


def feature_file(path, **arrays):
    np.savez(path, **arrays)
    return open_source(f"features:{path}")


def test_files_of_one_target_are_paired_row_by_row(tmp_path):
    y = np.array(["a", "b"] * 5)
    a, b = rng().normal(size=(10, 3)), rng().normal(size=(10, 4))
    one = feature_file(tmp_path / "one.npz", x=a, y=y)
    two = feature_file(tmp_path / "two.npz", x=b, logits=a)
    joined = feature_sets({"one": one, "two": two}, name="t")
    assert joined["one"].ids == joined["two"].ids
    assert joined["two"].target.names() == joined["one"].target.names()
    rows = [int(i) for i in joined["two"].ids]
    np.testing.assert_array_equal(joined["two"].features, b.astype(np.float32)[rows])
    np.testing.assert_array_equal(joined["two"].logits, a.astype(np.float32)[rows])
    assert joined["one"].target.names() == [str(y[r]) for r in rows]


def test_order_of_rows_does_not_matter(tmp_path):
    x, y = rng().normal(size=(10, 3)), np.arange(10) % 2
    shuffle = rng().permutation(10)
    a, b = feature_file(tmp_path / "a.npz", x=x, y=y), feature_file(tmp_path / "b.npz", x=2 * x, y=y)
    c = feature_file(tmp_path / "c.npz", x=x[shuffle], y=y[shuffle])
    d = feature_file(tmp_path / "d.npz", x=2 * x[shuffle])
    straight, mixed = feature_sets({"f": a, "g": b}), feature_sets({"f": c, "g": d})
    assert straight["f"].fingerprint == mixed["f"].fingerprint
    assert straight["g"].fingerprint == mixed["g"].fingerprint


def test_more_files_change_nothing_for_the_first(tmp_path):
    x, y = rng().normal(size=(10, 3)), np.arange(10) % 2
    a = feature_file(tmp_path / "a.npz", x=x, y=y)
    b = feature_file(tmp_path / "b.npz", x=rng().normal(size=(10, 5)))
    alone, joined = feature_sets({"a": a}), feature_sets({"a": a, "b": b})
    assert alone["a"].fingerprint == joined["a"].fingerprint


def test_keys_in_a_file_give_the_order(tmp_path):
    x, y = rng().normal(size=(6, 3)), np.arange(6) % 2
    keys = np.array([b"c", b"a", b"f", b"b", b"e", b"d"])
    found = feature_sets({"a": feature_file(tmp_path / "a.npz", x=x, y=y, keys=keys)})["a"]
    np.testing.assert_array_equal(found.features, x.astype(np.float32)[np.argsort(keys)])


def test_samples_that_one_backbone_confuses_are_ordered_by_the_other(tmp_path):
    y, x = np.zeros(8, dtype=int), np.arange(16.0).reshape(8, 2)
    flat = feature_file(tmp_path / "flat.npz", x=np.ones((8, 2)), y=y)
    sharp = feature_file(tmp_path / "sharp.npz", x=x, y=y)
    mixed = feature_file(tmp_path / "mixed.npz", x=x[rng().permutation(8)], y=y)
    straight, shuffled = feature_sets({"a": flat, "b": sharp}), feature_sets({"a": flat, "b": mixed})
    assert straight["b"].fingerprint == shuffled["b"].fingerprint
    assert straight["b"].ids != shuffled["b"].ids
    # They stay copies of each other all the same, as far as the first file tells.
    assert len(set(straight["a"].keys)) == 1


def test_samples_are_the_same_whatever_files_stand_beside(tmp_path):
    x, y = rng().normal(size=(10, 3)), np.array(["a", "b"] * 5)
    a = feature_file(tmp_path / "a.npz", x=x, y=y)
    b = feature_file(tmp_path / "b.npz", x=rng().normal(size=(10, 5)))
    alone, joined = feature_sets({"a": a}), feature_sets({"a": a, "b": b})
    assert alone["a"].keys.tolist() == joined["a"].keys.tolist() == joined["b"].keys.tolist()
    assert alone["a"].ids == joined["a"].ids == joined["b"].ids
    assert alone["a"].keys.tolist() == FeatureSet.of(x, y).keys.tolist()


def test_safetensors(tmp_path):
    save_file({"f": np.eye(4, dtype=np.float32), "l": np.arange(4) % 2}, tmp_path / "f.safetensors")
    assert open_source(f"features:{tmp_path / 'f.safetensors'}?x=f&y=l").target.n_classes == 2


def test_ids_and_groups_are_kept(tmp_path):
    file = feature_file(tmp_path / "f.npz", x=np.eye(4), ids=list("abcd"), groups=[5, 5, 9, 9])
    whole = feature_sets({"f": file})["f"]
    assert sorted(zip(whole.ids, whole.groups, strict=True)) == [("a", 0), ("b", 0), ("c", 1), ("d", 1)]


def test_files_that_do_not_fit_together_are_refused(tmp_path):
    x, y = np.eye(6), np.arange(6) % 2
    one = feature_file(tmp_path / "one.npz", x=x, y=y, ids=list("abcdeg"))
    with pytest.raises(InputError, match=r"has 6 rows and .* \(b\) has 5"):
        feature_sets({"a": one, "b": feature_file(tmp_path / "b.npz", x=x[:5])})
    with pytest.raises(InputError, match="different labels"):
        feature_sets({"a": one, "b": feature_file(tmp_path / "c.npz", x=x, y=1 - y)})
    with pytest.raises(InputError, match="different ids"):
        feature_sets({"a": one, "b": feature_file(tmp_path / "d.npz", x=x, ids=list("abcdef"))})


@pytest.mark.parametrize(
    ("arrays", "error", "words"),
    [
        ({"x": np.array([[1.0, np.nan], [0, 1]])}, InputError, "f.npz: 1 of 2 feature rows hold NaN"),
        ({"x": np.zeros((2, 2)), "y": [1, 2, 3]}, InputError, "2 samples but labels"),
        ({"x": np.zeros(3)}, InputError, r"shape \(3,\)"),
        ({"x": np.array(["a"])}, InputError, "shape"),
        ({"x": np.zeros((2, 2)), "ids": ["a"]}, InputError, "2 feature rows but 1 ids"),
        ({"features": np.zeros((2, 2))}, UnknownNameError, "no array named 'x'"),
    ],
)
def test_wrong_files_are_one_clear_line(tmp_path, arrays, error, words):
    with pytest.raises(error, match=words):
        feature_file(tmp_path / "f.npz", **arrays)


def test_damaged_and_unknown_files(tmp_path):
    (tmp_path / "f.safetensors").write_bytes(b"x" * 40)
    with pytest.raises(InputError, match="cannot be read as safetensors"):
        open_source(f"features:{tmp_path / 'f.safetensors'}")
    (tmp_path / "f.csv").write_text("1,2")
    with pytest.raises(InputError, match=r"suffix '\.csv'"):
        open_source(f"features:{tmp_path / 'f.csv'}")


def test_real_features_open(shared_data):
    file = open_source(f"features:{shared_data}/arrays/office_caltech10_surf.npz?x=x_amazon&y=y_amazon")
    assert file.name == "office_caltech10_surf.x_amazon"
    assert feature_sets({"surf": file})["surf"].features.shape == (958, 800)
