"""The base of everything a run leaves behind."""

from __future__ import annotations

from statistics import NormalDist
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Z95", "Finite", "Probability", "Record"]

Finite = Annotated[float, Field(allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1)]

# Normal quantile of a two-sided 95 % interval.
Z95 = NormalDist().inv_cdf(0.975)


class Record(BaseModel):
    """Base of everything in a run record: frozen, no unknown fields, finite floats."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, ser_json_inf_nan="constants")
