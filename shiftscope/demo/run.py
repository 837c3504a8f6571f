"""The main job on what the package brings along: eight small networks, handwritten digits, no network access."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from shiftscope.core.spec import RunSpec, parse_spec
from shiftscope.demo.pictures import Pictures, handwritten_digits, printed_digits
from shiftscope.errors import InputError

__all__ = ["PER_CLASS", "ZOO", "prepare"]

ZOO = Path(__file__).parent / "zoo"
PER_CLASS = 40


def prepare(folder: Path, *, seed: int = 0) -> tuple[RunSpec, dict[str, Any]]:
    """Put the demo's data and weights into ``folder`` and return the specification of its run.

    The target is handwritten digits, the source printed digits; the candidates were trained on other pictures,
    one of them on shuffled labels and one on noise. Everything is an ordinary file, so that the same run can be
    made by hand.

    Raises
    ------
    InputError
        If ``folder`` cannot be written.
    """
    data = folder / "data"
    try:
        data.mkdir(parents=True, exist_ok=True)
        target = _save(data / "handwritten_digits.npz", handwritten_digits(PER_CLASS, seed))
        source = _save(data / "printed_digits.npz", printed_digits(PER_CLASS, seed))
        shutil.copytree(ZOO, folder / "zoo", dirs_exist_ok=True)
    except OSError as reason:
        raise InputError(f"{folder} cannot be written ({reason.strerror}): name another folder with -o.") from None
    given = {
        "targets": {target.stem: f"npz:{target.as_posix()}"},
        "source": f"npz:{source.as_posix()}",
        "backbones": [f"checkpoint:{(folder / 'zoo' / 'manifest.json').as_posix()}#*"],
        "seed": seed,
    }
    return parse_spec(given, at="demo"), given


def _save(file: Path, pictures: Pictures) -> Path:
    np.savez_compressed(file, x=pictures.images, y=pictures.labels, classes=np.array(pictures.class_names))
    return file
