import numpy as np
import pytest

from shiftscope.data import SOURCES, default_name, open_source
from shiftscope.errors import InputError, UnknownNameError


def save(tmp_path, **arrays):
    np.savez(tmp_path / "a.npz", **arrays)
    return f"npz:{tmp_path / 'a.npz'}"


def images(n=6, *shape):
    return np.random.default_rng(0).integers(0, 256, (n, 5, 7, *shape), dtype=np.uint8)


@pytest.mark.parametrize("shape", [(), (1,), (3,)])
def test_images_come_out_as_rgb_with_their_labels(tmp_path, shape):
    x, y = images(6, *shape), np.array([3, 1, 1, 3, 1, 3])
    source = open_source(save(tmp_path, x=x, y=y))
    assert source.target.class_names == ("1", "3")
    for i, row in enumerate(int(j) for j in source.ids):
        pixels = x[row].reshape(5, 7, -1)
        np.testing.assert_array_equal(source.decode(i), np.broadcast_to(pixels, (5, 7, 3)))
        assert source.target.names()[i] == str(y[row])


def test_order_of_rows_does_not_matter(tmp_path):
    x, y, order = images(20), np.arange(20) % 2, np.random.default_rng(1).permutation(20)
    (tmp_path / "other").mkdir()
    a, b = open_source(save(tmp_path, x=x, y=y)), open_source(save(tmp_path / "other", x=x[order], y=y[order]))
    np.testing.assert_array_equal(a.keys, b.keys)
    assert a.target.names() == b.target.names()


def test_equal_pixels_in_another_shape_are_another_image(tmp_path):
    (tmp_path / "other").mkdir()
    a = open_source(save(tmp_path, x=np.zeros((1, 2, 3), dtype=np.uint8)))
    b = open_source(save(tmp_path / "other", x=np.zeros((1, 3, 2), dtype=np.uint8)))
    assert a.keys[0] != b.keys[0]


def test_codes_get_their_names(tmp_path):
    uri = save(tmp_path, x=images(3), y=np.array([[0], [1], [0]]), classes=np.array(["cat", "dog"]))
    assert open_source(uri).target.class_names == ("cat", "dog")


def test_keys_choose_arrays(tmp_path):
    uri = save(tmp_path, pictures=images(3), kinds=np.array(["a", "b", "a"]))
    assert open_source(f"{uri}?x=pictures&y=kinds").target.class_names == ("a", "b")
    assert open_source(f"{uri}?x=pictures").target.kind == "none"


@pytest.mark.parametrize(
    ("arrays", "query", "error", "words"),
    [
        ({"x": images().astype(float)}, "", InputError, "type float64.*multiply values in 0..1 by 255"),
        ({"x": images()[0]}, "", InputError, r"\(5, 7\)"),
        ({"x": images(6, 4)}, "", InputError, r"\(6, 5, 7, 4\).*channels last"),
        ({"x": images()[:0]}, "", InputError, r"\(0, 5, 7, 1\)"),
        ({"x": images(), "y": np.arange(5)}, "", InputError, r"6 samples but labels of shape \(5,\)"),
        ({"x": images(2), "y": [0, 2], "classes": ["a", "b"]}, "", InputError, "0 to 2 but 'classes' holds 2"),
        ({"x": images()}, "?x=z", UnknownNameError, "no array named 'z'"),
        ({"x": images()}, "?y=z", UnknownNameError, "no array named 'z'"),
        ({"x": images()}, "?xx=z", UnknownNameError, "no option named 'xx'. Did you mean 'x'"),
        ({"x": images()}, "?x", InputError, r"write \?key=value"),
        ({"x": np.array([{}], dtype=object)}, "", InputError, "'x' holds Python objects"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(tmp_path, arrays, query, error, words):
    uri = save(tmp_path, **arrays)
    with pytest.raises(error, match=words) as caught:
        open_source(uri + query)
    assert "\n" not in str(caught.value)


def test_files_that_are_missing_or_something_else(tmp_path):
    with pytest.raises(InputError, match=r"b.npz does not exist"):
        open_source(f"npz:{tmp_path / 'b.npz'}")
    (tmp_path / "c.npz").write_bytes(b"PK nothing")
    with pytest.raises(InputError, match=r"not an .npz archive"):
        open_source(f"npz:{tmp_path / 'c.npz'}")
    (tmp_path / "d.zip").write_bytes(b"")
    with pytest.raises(InputError, match=r"suffix '\.zip'"):
        open_source(f"npz:{tmp_path / 'd.zip'}")


def test_addresses_that_name_nothing(tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'imagefolder'"):
        open_source("imagefoldr:x")
    with pytest.raises(InputError, match=f"write imagefolder:{tmp_path}"):
        open_source(str(tmp_path))
    with pytest.raises(InputError, match="names no file or folder"):
        open_source("npz:")


def test_every_scheme_says_what_it_is():
    assert all(SOURCES[name].describes.startswith(f"{name}:") for name in SOURCES)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("imagefolder:a/b/", "b"),
        ("imagefolder:photos.v2", "photos.v2"),
        ("npz:dir/m.npz?y=k", "m"),
        ("npz:dir/m.npz?x=k&y=l", "m.k"),
        ("features:r.v2.safetensors", "r.v2"),
    ],
)
def test_default_names(uri, name):
    assert default_name(uri) == name


def test_real_arrays_open(shared_data):
    source = open_source(f"npz:{shared_data}/arrays/mnist.npz")
    assert (source.n, source.target.n_classes, source.decode(0).shape) == (3000, 10, (28, 28, 3))
    xray = open_source(f"npz:{shared_data}/arrays/pneumoniamnist.npz?x=train_images&y=train_labels")
    assert (xray.n, xray.target.n_classes) == (2428, 2)
