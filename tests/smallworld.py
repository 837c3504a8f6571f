"""Picture folders and manifests small enough for a whole run in a second: what end-to-end tests work on."""

import hashlib
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from types import SimpleNamespace
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image

CLASSES = ("disc", "hill", "rail")
ENTRY = {
    "library": "shiftscope",
    "constructor": "TinyNet",
    "input_size": 16,
    "mean": [0.5, 0.5, 0.5],
    "std": [0.25, 0.25, 0.25],
    "source_domain": "nothing",
}


def picture(label, rng, *, size=20, dark=False):
    """A uint8 picture (size, size, 3) whose direction of brightness and colour depend on the class, with noise."""
    ramp = np.linspace(0, 1, size)
    shape = (ramp[:, None] * ramp, ramp[:, None] + 0 * ramp, 0 * ramp[:, None] + ramp)[label % 3]
    tint = np.eye(3)[label % 3] * 0.4 + 0.6
    values = shape[:, :, None] * tint * 0.7 + rng.normal(0, 0.2, (size, size, 3))
    values = 0.4 - 0.4 * values if dark else values
    return (np.clip(values, 0, 1) * 255).astype(np.uint8)


def image_folder(root, *, classes=CLASSES, n=12, seed=0, dark=False):
    """``root/CLASS/00.png`` …; ``classes=None`` makes a flat folder of ``3 n`` pictures."""
    rng = np.random.default_rng([seed, dark])
    for label, name in enumerate(CLASSES if classes is None else classes):
        folder = root if classes is None else root / name
        folder.mkdir(parents=True, exist_ok=True)
        for i in range(n):
            name_of_file = f"{label}{i:02d}.png" if classes is None else f"{i:02d}.png"
            Image.fromarray(picture(label, rng, dark=dark)).save(folder / name_of_file)
    return root


def network_file(path, *, seed=0, **kwargs):
    """Weights of a TinyNet drawn under ``seed``; returns their sha256."""
    import torch
    from safetensors.torch import save_file

    from shiftscope.backbones.tiny import TinyNet

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        save_file(TinyNet(**kwargs).state_dict(), path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def manifest(root, names=("ant", "bee"), *, change=None, **changes):
    """``root/manifest.json`` with one TinyNet per name; ``changes`` replace fields of every entry."""
    root.mkdir(parents=True, exist_ok=True)
    entries = []
    for i, name in enumerate(names):
        # The second network is wider, so that two architectures stand in one zoo.
        kwargs = {"width": 4 + 2 * (i % 2), "depth": 2, "num_classes": 12, "in_chans": 3}
        file = f"{name}.safetensors"
        digest = network_file(root / file, seed=i, **kwargs)
        entry = {"name": name, "file": file, "sha256": digest, "kwargs": kwargs, "num_classes": 12, **ENTRY, **changes}
        entries.append(entry)
    if change:
        change(entries)
    (root / "manifest.json").write_text(json.dumps({"schema": 1, "backbones": entries}))
    return root / "manifest.json"


def feature_file(path, *, n=36, d=5, classes=CLASSES, seed=0, shift=0.0, labels=True):
    """Gaussian features (n, d) whose class means are 3 apart, all moved by ``shift``."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % len(classes)
    x = rng.normal(size=(n, d)) + 3 * np.eye(len(classes), d)[codes] + shift
    arrays = {"x": x.astype(np.float32)}
    if labels:
        arrays["y"] = np.array(classes)[codes]
    np.savez(path, **arrays)
    return path


def make_world(root):
    """Two labelled folders that differ in brightness, an unlabelled one, and a manifest of two networks."""
    return SimpleNamespace(
        light=f"imagefolder:{image_folder(root / 'light')}",
        dim=f"imagefolder:{image_folder(root / 'dim', n=10, dark=True)}",
        flat=f"imagefolder:{image_folder(root / 'flat', classes=None, n=5, dark=True)}",
        zoo=f"checkpoint:{manifest(root / 'zoo')}#*",
        ant=f"checkpoint:{root / 'zoo' / 'manifest.json'}#ant",
    )


class Outcome(NamedTuple):
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


def shiftscope(*words):
    """Run the command line in this process, through the entry point that users run."""
    from shiftscope.__main__ import main

    out, err = StringIO(), StringIO()
    given = ["shiftscope", *(str(word) for word in words)]
    with (
        redirect_stdout(out),
        redirect_stderr(err),
        patch.object(sys, "argv", given),
        pytest.raises(SystemExit) as left,
    ):
        main()
    return Outcome(int(left.value.code or 0), out.getvalue(), err.getvalue())


def record_of(folder):
    """``run.json`` of a folder as plain data."""
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def numbers_of(folder):
    """``run.json`` without the two fields that may differ between equal runs."""
    return {key: value for key, value in record_of(folder).items() if key not in ("provenance", "costs")}


AUDIT = """
schema = 1
seeds = [0, 1]
regimes = [6]
pixels = 16
steps = {{ 6 = 4 }}

[search]
rates = [1e-3, 1e-2]
places = {{ bright = 6 }}

[targets.bright]
data = "imagefolder:{root}/bright"
group = "one"

[targets.dusk]
data = "imagefolder:{root}/dusk"
group = "two"

[backbones.ant]
uri = "checkpoint:{root}/zoo/manifest.json#ant"
family = "insects"
overlap = ["dusk"]

[backbones.bee]
uri = "checkpoint:{root}/zoo/manifest.json#bee"
family = "insects"

[backbones.cat]
uri = "checkpoint:{root}/zoo/manifest.json#ant"
family = "made"
constructed = "half of its layers random"
rerandomise = 0.5
"""


def audit_file(root, text=AUDIT):
    """An audit of three networks on two targets, with four training steps a cell; returns the TOML file."""
    image_folder(root / "bright", n=18)
    image_folder(root / "dusk", n=18, dark=True)
    manifest(root / "zoo")
    (root / "audit.toml").write_text(text.format(root=root.as_posix()), encoding="utf-8")
    return root / "audit.toml"
