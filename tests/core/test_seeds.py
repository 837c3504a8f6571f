import subprocess
import sys

import numpy as np

from shiftscope.core.seeds import derive, seed_of, stream


def test_streams_are_the_same_in_every_process():
    code = "from shiftscope.core.seeds import stream; print(stream(3, 'a', 'b').integers(10**9))"
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(there.stdout) == stream(3, "a", "b").integers(10**9)


def test_names_are_kept_apart():
    assert derive("ab", "c") != derive("a", "bc")
    assert stream(0, "x").integers(10**9) != stream(0, "y").integers(10**9)
    assert stream(0, "x").integers(10**9) != stream(1, "x").integers(10**9)


def test_seed_of_keeps_integers_and_draws_from_generators():
    assert seed_of(5) == 5
    assert seed_of(np.int64(5)) == 5
    assert seed_of(np.random.default_rng(1)) == seed_of(np.random.default_rng(1))
