"""One training run of an audit: what was trained on what, and what came out, image by image."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from shiftscope.core.record import Probability, Record

__all__ = ["ARMS", "Cell", "CellArm", "Metrics", "Packed", "key_of", "pack", "unpack"]

CellArm = Literal["pixels", "linear", "last_stage", "full", "scratch"]
ARMS: tuple[CellArm, ...] = ("pixels", "linear", "last_stage", "full", "scratch")

Packed = Annotated[str, Field(description="array of small integers: zlib, then base64")]
NonNegative = Annotated[float, Field(ge=0)]


class Metrics(Record):
    """How good the predictions of one part of the images are."""

    n: int
    accuracy: Probability
    macro_f1: Probability
    auc: Probability | None = Field(description="mean over classes of one against the rest; None for one class")
    nll: NonNegative = Field(description="mean negative log likelihood in nats")
    brier: NonNegative = Field(description="mean squared distance of probabilities from the truth, 0 to 2")
    calibration_error: Probability = Field(description="expected calibration error over 15 bins")
    confusion: list[list[int]] = Field(description="rows: true class, columns: predicted class")


class Cell(Record):
    """One arm of one backbone on one target: the unit of work of an audit, written once it is finished.

    Everything but ``seconds`` and ``made_by`` is equal between equal runs on one machine.
    """

    schema_version: Literal[1] = 1
    key: str = Field(description="sha256 over all that decides the cell: weights, data, split, recipe")
    backbone: str = Field(description="name in the audit file; the architecture for scratch, 'pixels' for the baseline")
    target: str
    regime: str = Field(description="labelled images per class, or 'all'")
    arm: CellArm
    seed: int = Field(description="of the split and of the training")
    side: int = Field(description="side of the pictures in pixels")
    recipe: dict[str, Any] = Field(description="how it was trained; for a head on frozen features its penalty")
    n_train: int
    validation: Metrics
    test: Metrics
    n: int = Field(description="images of the target")
    test_rows: Packed = Field(description="positions of the test images in canonical order, as differences")
    truth: Packed = Field(description="class codes of the test images")
    predicted: Packed = Field(description="predicted class codes of the test images")
    seconds: NonNegative = Field(description="wall time of training and evaluation")
    made_by: dict[str, str] = Field(default={}, description="versions and device")

    @property
    def rows(self) -> NDArray[np.int64]:
        """Positions of the test images (n_test,), ascending."""
        return np.cumsum(unpack(self.test_rows))

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether each test image was named rightly (n_test,)."""
        right: NDArray[np.bool_] = unpack(self.truth) == unpack(self.predicted)
        return right

    @property
    def address(self) -> str:
        """Path of the cell's file in the folder of cells."""
        detail = "" if self.arm in {"pixels", "linear"} else f".{self.recipe['steps']}steps.rate{self.recipe['rate']:g}"
        return f"{self.target}/{self.regime}/{self.arm}/{self.backbone}.seed{self.seed}{detail}.json"


def pack(values: NDArray[Any]) -> str:
    """Pack non-negative integers below 65 536 as text."""
    small = np.asarray(values).astype("<u2")
    return base64.b64encode(zlib.compress(small.tobytes(), 9)).decode()


def unpack(text: str) -> NDArray[np.int64]:
    """Undo ``pack``."""
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype="<u2").astype(np.int64)


def key_of(parts: Mapping[str, Any]) -> str:
    """sha256 over named parts as canonical JSON."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
