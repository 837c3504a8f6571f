import pickle
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import shiftscope.kernels
from shiftscope.kernels import choose, compiled, reference, tensor

NAMES = [entry.name for entry in fields(shiftscope.kernels.Kernels) if entry.name not in {"device", "backend"}]


def test_reference_has_every_function():
    kernels = choose("cpu", "reference")
    assert all(getattr(kernels, name) is getattr(reference, name) for name in NAMES)


def test_compiled_lies_over_reference():
    kernels = choose()
    assert (kernels.device, kernels.backend) == ("cpu", "compiled")
    for name in NAMES:
        module = compiled if name in compiled.__all__ else reference
        assert getattr(kernels, name) is getattr(module, name)


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps"])
def test_devices_get_tensors_bound_to_them(device):
    kernels = choose(device)
    assert kernels.backend == "tensor"
    for name in tensor.__all__:
        assert getattr(kernels, name).func is getattr(tensor, name)
        assert getattr(kernels, name).keywords == {"device": device}
    assert kernels.permutation_members is compiled.permutation_members


@pytest.mark.parametrize(
    ("device", "backend", "words"),
    [("cpu", "jax", "Known: reference, compiled, tensor"), ("cuda", "compiled", "tensor")],
)
def test_impossible_choices_are_refused(device, backend, words):
    with pytest.raises(ValueError, match=words):
        choose(device, backend)


def test_kernels_travel_to_worker_processes(kernels):
    assert pickle.loads(pickle.dumps(kernels)) == kernels  # noqa: S301 - our own bytes


def test_arguments_may_be_read_only_and_are_left_alone(kernels):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 4)).astype(np.float32), rng.standard_normal((30, 2))
    folds, seeds, bins = np.arange(30) % 3, np.arange(5, dtype=np.uint64), np.arange(30)
    members = kernels.permutation_members(12, 18, seeds)
    given = [x, y, folds, seeds, bins, members, penalties := np.array([0.1, 1.0])]
    before = [array.copy() for array in given]
    for array in given:
        array.flags.writeable = False
    kernels.mmd_sums(x, [1.0], members, n=12, tile=16, bins=bins)
    kernels.inner_sums(x, members, n=12, bins=bins)
    kernels.permutation_members(12, 18, seeds)
    kernels.nearest(x, 3, folds)
    eigenvalues, left = kernels.eigh_gram(x)
    kernels.ridge_held_out(left, eigenvalues, y, folds, 1.0)
    kernels.ridge_gcv(left, eigenvalues, y, penalties)
    for array, copy in zip(given, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def python(code, *, home, path):
    """Run code against a copy of the kernels that only ``path`` can supply."""
    environment = {"PYTHONPATH": str(path), "HOME": str(home), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, env=environment, cwd=path, capture_output=True, text=True, check=False)


@pytest.fixture
def read_only_install(tmp_path):
    """The kernels where no bytecode and no compiled code can be written (root ignores permission bits)."""
    package = tmp_path / "site" / "shiftscope"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    source = Path(shiftscope.kernels.__file__).parent
    shutil.copytree(source, package / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    (package / "kernels" / "__pycache__").touch()
    return tmp_path / "site"


def test_importing_the_package_stays_light(tmp_path):
    code = "import sys, shiftscope.kernels; print({'numba', 'torch', 'scipy', 'sklearn'} & set(sys.modules))"
    done = python(code, home=tmp_path, path=Path(shiftscope.__file__).parent.parent)
    assert done.stdout.strip() == "set()", done.stderr


DRAW = """
import numpy as np
from shiftscope.kernels import choose, compiled
print(choose().permutation_members(2, 3, np.arange(4, dtype=np.uint64)).sum())
print(sum(compiled._draw.stats.cache_hits.values()))
"""


def test_compiled_code_of_a_read_only_install_is_kept_for_the_user(read_only_install, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    first, second = (python(DRAW, home=home, path=read_only_install) for _ in range(2))
    assert first.stdout.split() == ["10", "0"], first.stderr
    assert second.stdout.split() == ["10", "1"], second.stderr


def test_without_any_writable_directory_code_is_compiled_in_memory(read_only_install, tmp_path):
    (blocked := tmp_path / "file").touch()
    done = python(DRAW, home=blocked / "home", path=read_only_install)
    assert done.stdout.split() == ["10", "0"], done.stderr
