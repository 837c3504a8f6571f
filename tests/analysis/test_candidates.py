"""Which backbones take part in a run, as candidates and as baselines."""

import copy

import pytest
from smallworld import manifest

from shiftscope.analysis.inputs import open_candidates
from shiftscope.core.spec import RunSpec
from shiftscope.errors import InputError


def opened(*uris, baselines=True, **spec):
    return open_candidates(RunSpec(backbones=list(uris), **spec), trust_code=False, baselines=baselines)


def names(backbones):
    return [b.card.name for b in backbones]


def test_baselines_stand_beside_the_candidates(world):
    found = opened(world.zoo)
    assert names(found.backbones) == ["ant", "bee", "pixels", "ant@random", "bee@random"]
    assert names(found.ranked) == ["ant", "bee"]
    assert found.baselines == {"pixels", "ant@random", "bee@random"}
    assert found.random_copies == {"ant": "ant@random", "bee": "bee@random"}


def test_one_random_copy_for_each_architecture(tmp_path):
    found = opened(f"checkpoint:{manifest(tmp_path, ('ant', 'bee', 'cat'))}#*")
    # ant and cat are one architecture.
    assert found.baselines == {"pixels", "ant@random", "bee@random"}
    assert found.random_copies == {"ant": "ant@random", "bee": "bee@random", "cat": "ant@random"}


def test_a_random_network_that_was_asked_for_is_the_copy(world):
    found = opened(world.zoo, world.ant + "@random")
    assert names(found.backbones).count("ant@random") == 1
    assert found.random_copies["ant"] == "ant@random"


def test_copies_follow_the_seed(world):
    first, second = (opened(world.ant, seed=s).backbones[-1].card for s in (0, 1))
    assert first.name == second.name == "ant@random"
    assert first.identity != second.identity


def test_without_baselines(world):
    assert names(opened(world.zoo, baselines=False).backbones) == ["ant", "bee"]
    assert opened(world.zoo, random=False).baselines == {"pixels"}
    assert opened(world.zoo, random=False).random_copies == {}


def test_named_twice_is_one(world):
    assert names(opened(world.zoo, world.ant, baselines=False).backbones) == ["ant", "bee"]


def test_one_network_fed_in_two_ways_is_two_candidates(tmp_path):
    def larger(entries):
        entries.append({**copy.deepcopy(entries[0]), "name": "ant24", "input_size": 24})

    found = opened(f"checkpoint:{manifest(tmp_path, ('ant',), change=larger)}#*")
    assert names(found.ranked) == ["ant", "ant24"]
    assert found.random_copies == {"ant": "ant@random", "ant24": "ant24@random"}
    assert found.baselines == {"pixels", "ant@random", "ant24@random"}


def test_two_networks_of_one_name(world, tmp_path):
    other = f"checkpoint:{manifest(tmp_path, ('bee', 'ant'))}#ant"
    with pytest.raises(InputError, match="Two backbones are named 'ant'"):
        opened(world.ant, other)
