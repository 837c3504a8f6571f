import subprocess
import sys

import numpy as np
import pytest

from shiftscope.backbones import open_backbones
from shiftscope.backbones.layer_sums import LayerSums
from shiftscope.core.target import Target
from shiftscope.data import ImageSource
from shiftscope.errors import InputError
from shiftscope.extraction import Store
from shiftscope.extraction.part import Part, decode, empty, encode, join
from shiftscope.extraction.store import store_key

KEY = "ab" * 32


def sums(rng, count, c=3):
    return LayerSums(count, rng.normal(size=c), rng.uniform(1, 2, size=c))


def part(rows, seed=0, *, logits=True):
    rng = np.random.default_rng(seed)
    m = len(rows)
    return Part(
        rows=np.array(rows, dtype=np.int64),
        features=rng.normal(size=(m, 5)).astype(np.float32),
        logits=rng.normal(size=(m, 2)).astype(np.float32) if logits else None,
        seen={"a.b": sums(rng, m * 9)},
        running={"a.b": sums(rng, 0), "unused": sums(rng, 0)},
        parameters=12,
        flops=34,
        seconds=0.5,
        unreadable={max(rows) + 1: "broken"},
    )


def same(a, b):
    np.testing.assert_array_equal(a.rows, b.rows)
    np.testing.assert_array_equal(a.features, b.features)
    assert (a.logits is None) == (b.logits is None)
    for x, y in ((a.seen, b.seen), (a.running, b.running)):
        assert x.keys() == y.keys()
        for name in x:
            assert x[name].count == y[name].count
            np.testing.assert_array_equal(x[name].mean, y[name].mean)
            np.testing.assert_array_equal(x[name].var, y[name].var)
    rest = ("parameters", "flops", "seconds", "unreadable")
    assert [getattr(a, r) for r in rest] == [getattr(b, r) for r in rest]


@pytest.mark.parametrize("logits", [True, False])
def test_what_is_written_is_read(tmp_path, logits):
    store, p = Store(tmp_path), part([0, 1, 4], logits=logits)
    assert store.read(KEY) is None
    store.write(KEY, p)
    same(store.read(KEY), p)
    assert encode(decode(encode(p))) == encode(p)


def test_parts_go_when_the_whole_is_there(tmp_path):
    store = Store(tmp_path)
    store.write_part(KEY, 0, part([0, 1]))
    store.write_part(KEY, 1, part([2, 3], 1))
    same(store.read_part(KEY, 1), part([2, 3], 1))
    assert store.read_part(KEY, 2) is None
    store.write(KEY, join([part([0, 1]), part([2, 3], 1)]))
    assert store.read_part(KEY, 1) is None
    np.testing.assert_array_equal(store.read(KEY).rows, [0, 1, 2, 3])


def test_parts_join_like_samples():
    a, b = part([0, 1]), part([3, 4, 5], 1)
    whole = join([a, empty({2: "cut short"}), b])
    np.testing.assert_array_equal(whole.features, np.concatenate([a.features, b.features]))
    np.testing.assert_array_equal(whole.logits, np.concatenate([a.logits, b.logits]))
    assert whole.seen["a.b"].count == 45
    assert whole.seconds == 1.0
    assert whole.unreadable == {2: "cut short", 6: "broken"}


@pytest.mark.parametrize("damage", [lambda d: d[:-7], lambda d: d[:5], lambda d: d[:0], lambda d: b"\xff" * len(d)])
def test_a_damaged_file_counts_as_absent(tmp_path, damage):
    store = Store(tmp_path)
    store.write(KEY, part([0, 1]))
    (file,) = tmp_path.rglob(f"{KEY}.safetensors")
    file.write_bytes(damage(file.read_bytes()))
    assert store.read(KEY) is None


def images(keys=("a", "b"), y=None):
    ids = [str(i) for i in range(len(keys))]
    return ImageSource.of("x:", keys=keys, ids=ids, target=Target.of(y, n=len(keys)), read=pytest.fail)


def test_keys_cover_what_decides_features_and_nothing_else():
    (card,) = (b.card for b in open_backbones("pixels:"))
    key = store_key(images(), card, "float32")
    other_transform = card.model_copy(update={"transform": card.transform.model_copy(update={"bgr": True})})
    others = {
        store_key(images(("a", "c")), card, "float32"),
        store_key(images(("a", "b", "c")), card, "float32"),
        store_key(images(("ab",)), card, "float32"),
        store_key(images(), card, "bfloat16"),
        store_key(images(), card.model_copy(update={"identity": "0"}), "float32"),
        store_key(images(), other_transform, "float32"),
    }
    assert len(others | {key}) == 7
    assert store_key(images(("b", "a"), y=["u", "v"]), card.model_copy(update={"name": "n"}), "float32") == key


def test_a_lock_keeps_another_process_waiting(tmp_path):
    script = (
        "import sys; from pathlib import Path; from shiftscope.extraction import Store\n"
        f"store = Store(Path({str(tmp_path)!r}))\n"
        "with store.locked(['k'], lambda: print('waits', flush=True)): print('in', flush=True)"
    )
    with Store(tmp_path).locked(["k", "j"], pytest.fail):
        other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        assert other.stdout.readline() == "waits\n"
        assert other.poll() is None
    assert other.communicate(timeout=60)[0] == "in\n"


def test_a_folder_that_cannot_be_written_says_which(tmp_path):
    (tmp_path / "features").write_text("a file where the folder should be")
    with pytest.raises(InputError, match=r"cannot be written .*SHIFTSCOPE_CACHE"):
        Store(tmp_path).write(KEY, part([0]))
    with pytest.raises(InputError, match="cannot be written"), Store(tmp_path).locked([KEY], pytest.fail):
        pass
