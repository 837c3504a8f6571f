import numpy as np
import pytest
from PIL import Image

import shiftscope.data.hashes
from shiftscope.data import open_source, per_class
from shiftscope.errors import InputError


def noise(seed, size=(12, 10)):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8))


def folder_of(root, classes, per=3):
    for c, name in enumerate(classes):
        (root / name).mkdir(parents=True, exist_ok=True)
        for i in range(per):
            noise(100 * c + i).save(root / name / f"{i}.png")
    return root


def test_classes_are_the_first_folders(tmp_path):
    folder_of(tmp_path, ["b", "a"])
    (tmp_path / "a" / "deep" / "er").mkdir(parents=True)
    noise(7).save(tmp_path / "a" / "deep" / "er" / "x.WEBP", lossless=True)
    source = open_source(f"imagefolder:{tmp_path}")
    assert (source.name, source.target.class_names) == (tmp_path.name, ("a", "b"))
    assert sorted(source.ids)[-4:] == ["a/deep/er/x.WEBP", "b/0.png", "b/1.png", "b/2.png"]
    for i, name in enumerate(source.ids):
        assert name.startswith(source.target.names()[i])
        np.testing.assert_array_equal(source.decode(i), np.asarray(Image.open(tmp_path / name)))


def test_names_of_files_do_not_change_the_order(tmp_path):
    a = open_source(f"imagefolder:{folder_of(tmp_path / 'one', ['x', 'y'])}")
    other = folder_of(tmp_path / "two", ["x", "y"])
    for i, f in enumerate(sorted(other.rglob("*.png"), reverse=True)):
        f.rename(f.with_name(f"new{i}.PNG"))
    b = open_source(f"imagefolder:{other}")
    assert list(a.keys) == sorted(a.keys)
    np.testing.assert_array_equal(a.keys, b.keys)
    assert a.target.names() == b.target.names()


def test_a_copy_in_another_class_is_ordered_by_class(tmp_path):
    folder_of(tmp_path, ["x", "y"], per=1)
    (tmp_path / "y" / "0.png").write_bytes((tmp_path / "x" / "0.png").read_bytes())
    assert open_source(f"imagefolder:{tmp_path}").target.names() == ["x", "y"]


def test_only_changed_files_are_read_again(tmp_path, monkeypatch):
    folder_of(tmp_path, ["x", "y"])
    read = []
    check = shiftscope.data.hashes.check_header
    monkeypatch.setattr(shiftscope.data.hashes, "check_header", lambda data: (read.append(len(data)), check(data)))
    before = open_source(f"imagefolder:{tmp_path}")
    assert len(read) == 6
    same = open_source(f"imagefolder:{tmp_path}")
    assert len(read) == 6
    np.testing.assert_array_equal(before.keys, same.keys)
    noise(999, (20, 20)).save(tmp_path / "x" / "0.png")
    assert set(open_source(f"imagefolder:{tmp_path}").keys) != set(before.keys)
    assert len(read) == 7


def test_a_damaged_memory_of_hashes_is_made_again(tmp_path):
    folder_of(tmp_path / "data", ["x", "y"])
    before = open_source(f"imagefolder:{tmp_path / 'data'}")
    for memory in shiftscope.data.hashes.cache_folder().rglob("*.json"):
        memory.write_text('{"x/0.png": 3}')
    np.testing.assert_array_equal(open_source(f"imagefolder:{tmp_path / 'data'}").keys, before.keys)


def test_a_flat_folder_has_no_labels(tmp_path):
    noise(1).save(tmp_path / "a.bmp")
    noise(2).save(tmp_path / "b.JPG")
    (tmp_path / "notes.txt").write_text("not a picture")
    noise(3).save(tmp_path / ".hidden.png")
    source = open_source(f"imagefolder:{tmp_path}")
    assert (source.target.kind, source.n) == ("none", 2)


def test_taken_samples_keep_what_belongs_to_them(tmp_path):
    source = open_source(f"imagefolder:{folder_of(tmp_path, ['x', 'y'])}")
    some = source.take(per_class(source.target, 2, 0))
    assert (some.n, some.n_available) == (4, 6)
    for i, name in enumerate(some.ids):
        assert name.startswith(some.target.names()[i])
        np.testing.assert_array_equal(some.decode(i), np.asarray(Image.open(tmp_path / name)))


def test_one_bad_file_in_many_is_left_out_and_listed(tmp_path):
    folder_of(tmp_path, ["x", "y"], per=60)
    (tmp_path / "x" / "broken.png").write_bytes(b"no picture")
    source = open_source(f"imagefolder:{tmp_path}")
    assert source.n == 120
    assert [(s.file, s.reason) for s in source.skipped] == [("x/broken.png", "not a JPEG, PNG, WebP or BMP picture")]


def test_a_class_never_disappears_in_silence(tmp_path):
    folder_of(tmp_path, ["x", "y"])
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "scan.tif").write_bytes(b"not read")
    with pytest.raises(InputError, match="class folder 'z' holds no usable"):
        open_source(f"imagefolder:{tmp_path}")


def test_parts_of_a_data_set_are_not_taken_for_classes(tmp_path):
    for part in ("train", "val"):
        folder_of(tmp_path / part, ["cat", "dog"])
    with pytest.raises(InputError, match=r"train, val all hold the same folders.*/train\."):
        open_source(f"imagefolder:{tmp_path}")
    assert open_source(f"imagefolder:{tmp_path / 'train'}").target.class_names == ("cat", "dog")


def test_a_link_that_leads_back_up_is_not_followed(tmp_path):
    folder_of(tmp_path, ["x", "y"])
    (tmp_path / "x" / "up").symlink_to(tmp_path, target_is_directory=True)
    assert open_source(f"imagefolder:{tmp_path}").n == 6


def test_more_than_one_percent_unreadable_is_an_error(tmp_path):
    folder_of(tmp_path, ["x", "y"], per=60)
    for i in range(2):
        (tmp_path / "x" / f"broken{i}.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"2 of 122 pictures .* more than 1 % \(first: x/broken0.png: .* empty\)"):
        open_source(f"imagefolder:{tmp_path}")


def test_bad_folders_are_one_clear_line(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        open_source(f"imagefolder:{tmp_path / 'nowhere'}")
    with pytest.raises(InputError, match="no JPEG, PNG, WebP or BMP file"):
        open_source(f"imagefolder:{tmp_path}")
    folder_of(tmp_path, ["x"])
    with pytest.raises(InputError, match="takes none"):
        open_source(f"imagefolder:{tmp_path}?x=1")
    noise(1).save(tmp_path / "stray.png")
    with pytest.raises(InputError, match=r"1 pictures lie in the folder itself \(first: stray.png\) and 3 in class"):
        open_source(f"imagefolder:{tmp_path}")
    with pytest.raises(InputError, match="is a file"):
        open_source(f"imagefolder:{tmp_path / 'stray.png'}")
