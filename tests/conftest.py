"""Stands here so that pytest puts ``tests`` on the path: tests of every room share ``oracles`` and ``smallworld``."""

import os
from pathlib import Path

import pytest

# BLAS threads are many times slower than one on small matrices when other work keeps the cores busy. The libraries
# read this once, when numpy is first imported, which no line above does.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")


@pytest.fixture(scope="session")
def shared_data():
    """Folder of real data and weights; tests that need it are skipped where it is not."""
    folder = os.environ.get("SHIFTSCOPE_DATA")
    if not folder:
        pytest.skip("SHIFTSCOPE_DATA is not set: it names a folder with real images and weights")
    return Path(folder)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """No test reads or writes the user's cache."""
    monkeypatch.setenv("SHIFTSCOPE_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """Picture folders and a manifest to read from: ``light``, ``dim`` and ``flat`` (unlabelled), ``zoo``."""
    from smallworld import make_world

    return make_world(tmp_path_factory.mktemp("world"))
