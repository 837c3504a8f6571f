"""One ranking that many tests read."""

from types import SimpleNamespace

import pytest
from smallworld import shiftscope


@pytest.fixture(scope="session")
def ranked(world, tmp_path_factory):
    """``rank`` of two networks, with where its files and its store lie."""
    cache, folder = tmp_path_factory.mktemp("store"), tmp_path_factory.mktemp("ranked") / "out"
    done = shiftscope("rank", world.light, "-b", world.zoo, "-o", folder, "--cache", cache)
    assert done.code == 0, done.err
    return SimpleNamespace(folder=folder, cache=cache, printed=done.out)
