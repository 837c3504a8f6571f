from dataclasses import replace

import numpy as np
import pytest
from smallworld import feature_file, image_folder, manifest

from shiftscope.backbones import open_backbones
from shiftscope.data import default_name, open_source
from shiftscope.data.perturb import KINDS, perturb
from shiftscope.errors import InputError
from shiftscope.extraction import Store, extract


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return f"imagefolder:{image_folder(tmp_path_factory.mktemp('data') / 'photos', n=8)}"


@pytest.mark.parametrize("kind", KINDS)
def test_an_address_opens_what_the_function_makes(photos, kind):
    uri = f"perturb:{kind}=4,seed=3:{photos}"
    opened, made = open_source(uri), perturb(open_source(photos), kind, 4, seed=3)
    assert (opened.uri, opened.name) == (uri, f"photos.{kind}4")
    np.testing.assert_array_equal(opened.keys, made.keys)
    assert opened.target.names() == made.target.names()
    np.testing.assert_array_equal(opened.decode(1), made.decode(1))


def test_without_a_seed_it_is_0(photos):
    one, other = (open_source(f"perturb:noise=2{seed}:{photos}") for seed in ("", ",seed=0"))
    np.testing.assert_array_equal(one.keys, other.keys)


def test_changes_can_be_stacked(photos):
    uri = f"perturb:brightness=2:perturb:colour_cast=1:{photos}"
    opened = open_source(uri)
    inner = open_source(f"perturb:colour_cast=1:{photos}")
    assert opened.name == default_name(uri) == "photos.colour_cast1.brightness2"
    i = opened.ids.index(inner.ids[0])
    np.testing.assert_array_equal(opened.decode(i), np.minimum(inner.decode(0).astype(int) + 12, 255))


def test_options_of_the_data_reach_the_data(tmp_path):
    x = np.random.default_rng(0).integers(0, 200, (6, 5, 7), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", pictures=x, kinds=np.arange(6) % 2)
    uri = f"perturb:brightness=1:npz:{tmp_path / 'a.npz'}?x=pictures&y=kinds"
    opened = open_source(uri)
    assert opened.name == "a.pictures.brightness1"
    np.testing.assert_array_equal(opened.decode(0)[:, :, 0], x[int(opened.ids[0])] + 6)


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("perturb:blurr=3:imagefolder:x", "no kind of perturbation named 'blurr'. Did you mean 'blur'"),
        ("perturb:blur=6:imagefolder:x", "strength '6': give a whole number from 1 to 5"),
        ("perturb:blur=0:imagefolder:x", "strength '0': give a whole number from 1 to 5"),
        ("perturb:blur=2.5:imagefolder:x", "strength '2.5': give"),
        ("perturb:blur=2,seed=-1:imagefolder:x", "option 'seed=-1': write ,seed=0"),
        ("perturb:blur=2,level=1:imagefolder:x", "option 'level=1': write ,seed=0"),
        ("perturb:blur=2,4:imagefolder:x", "option '4': write ,seed=0"),
        ("perturb:blur=2,:imagefolder:x", "option '': write ,seed=0"),
        ("perturb:blur:imagefolder:x", "cannot be read: write perturb:KIND=STRENGTH:DATA, for example"),
        ("perturb:blur=2", "cannot be read: write perturb:KIND=STRENGTH:DATA, for example"),
        ("perturb:imagefolder:x", "cannot be read: write perturb:KIND=STRENGTH:DATA, for example"),
        ("perturb:blur=2:x", "'x' does not say what kind of data it is"),
        ("perturb:blur=2:imagefolder:no/such", "imagefolder:no/such: the folder does not exist"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(uri, says):
    with pytest.raises(InputError) as refused:
        open_source(uri)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_kind_and_strength_are_checked_in_python_too(photos):
    source = open_source(photos)
    with pytest.raises(InputError, match=r"no kind of perturbation named 'blurred'\. Did you mean 'blur'"):
        perturb(source, "blurred", 1)
    for strength in (0, 2.0, True, "3"):
        with pytest.raises(InputError, match=f"the strength is {strength}: give a whole number from 1 to 5"):
            perturb(source, "blur", strength)


@pytest.mark.parametrize("kind", ["blur", "label_flip"])
def test_names_stay_and_addresses_say_what_was_done(photos, kind):
    source = replace(open_source(photos), name="holiday", n_available=99)
    made = perturb(source, kind, 3, seed=1)
    assert (made.name, made.n_available) == ("holiday", 99)
    assert made.uri == f"perturb:{kind}=3,seed=1:{photos}"


def test_features_cannot_be_changed(tmp_path):
    uri = f"perturb:label_flip=2:features:{feature_file(tmp_path / 'f.npz')}"
    with pytest.raises(InputError, match=r"perturb changes images, and features:.* holds features: name a set of im"):
        open_source(uri)


def test_the_store_keeps_changed_and_unchanged_features_apart(photos, tmp_path):
    zoo = open_backbones(f"checkpoint:{manifest(tmp_path / 'zoo', ('ant',))}#ant")
    store = Store(tmp_path / "store")

    def features(uri):
        done = extract(open_source(uri), zoo, store=store, device="cpu")
        return done, next(iter(done.features.values()))

    _, plain = features(photos)
    done, dim = features(f"perturb:brightness=5:{photos}")
    assert done.n_decoded == plain.n
    rows = [dim.ids.index(name) for name in plain.ids]
    assert np.abs(dim.features[rows] - plain.features).max() > 1e-3
    again, _ = features(f"perturb:brightness=5:{photos}")
    assert again.n_decoded == 0
    # Other labels for the same pictures: their features are known.
    flipped, _ = features(f"perturb:label_flip=5:{photos}")
    assert flipped.n_decoded == 0
