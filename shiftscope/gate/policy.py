"""What a record must hold to pass: limits, findings, sample sizes; a profile stands in for what the TOML leaves out.

Errors name the place as it was written. ``docs/gate.md`` shows the whole file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from shiftscope.checks import CODES
from shiftscope.core.forecast import Arm
from shiftscope.core.spec import checked
from shiftscope.errors import UnknownNameError

__all__ = [
    "PROFILES",
    "Candidates",
    "Filled",
    "Ignore",
    "Limit",
    "Names",
    "Policy",
    "Profile",
    "Quantity",
    "Unclear",
    "parse_policy",
]

# A code that no finding ever has would pass whatever happens: mostly it is a slip of the keyboard.
BEGINNINGS = sorted({code[:length] for code in CODES for length in range(2, len(code) + 1)})


def _code(written: str) -> str:
    if written not in BEGINNINGS:
        raise ValueError(
            f"{written!r} is no finding code: give one of 'shiftscope ls checks', or the beginning of one such as NT2"
        )
    return written


# Strict: true is no number, and neither is "1.2".
Bound = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=1)]
Code = Annotated[str, AfterValidator(_code), WithJsonSchema({"type": "string", "enum": BEGINNINGS})]
Names = str | Annotated[list[str], Field(min_length=1)]
Quantity = Literal["value", "interval", "effect", "pvalue", "pvalue_holm", "pvalue_max_t"]
Unclear = Literal["fail", "warn", "pass"]
Candidates = Literal["first", "every"]
Profile = Literal["strict", "default", "explore"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Limit(_Part):
    """Bounds on one measure, or on the forecast of harm, wherever the selectors say."""

    measure: str | None = Field(default=None, description="name of a measure, as in 'shiftscope ls measures'")
    forecast: Arm | None = Field(default=None, description="instead of a measure: probability that this arm hurts")
    on: Quantity = Field(
        default="value",
        description="what is held against the bounds; 'interval': all of it must lie within, effect and p-values are "
        "of shift measures",
    )
    min: Bound | None = None
    max: Bound | None = None
    max_increase: Annotated[Bound, Field(ge=0)] | None = Field(default=None, description="over the baseline record")
    max_decrease: Annotated[Bound, Field(ge=0)] | None = Field(default=None, description="below the baseline record")
    backbone: Names | None = Field(
        default=None, description="name or pattern (* and ?), or a list; left out: as candidates says, and no baseline"
    )
    target: Names | None = None
    source: Names | None = None
    candidates: Candidates | None = Field(default=None, description="as in the policy, for this limit alone")

    @model_validator(mode="after")
    def _makes_sense(self) -> Limit:
        if (self.measure is None) == (self.forecast is None):
            raise ValueError("a limit names either a measure or a forecast")
        if self.backbone is not None and self.candidates is not None:
            raise ValueError("a limit names either backbones or candidates")
        if not self.bounds:
            raise ValueError("a limit needs min, max, max_increase or max_decrease")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}: nothing could pass")
        if self.forecast and self.on not in ("value", "interval"):
            raise ValueError(f"a forecast has no {self.on}: say on = 'value' or 'interval'")
        if self.on.startswith("pvalue") and not {"min", "max"}.issuperset(self.bounds):
            raise ValueError(f"an increase of {self.on} has no noise to be held against: use min or max")
        return self

    @property
    def bounds(self) -> dict[str, float]:
        """The bounds that are written, by key."""
        every = {key: getattr(self, key) for key in ("min", "max", "max_increase", "max_decrease")}
        return {key: value for key, value in every.items() if value is not None}

    @property
    def what(self) -> str:
        """What is limited, in words."""
        if self.forecast:
            return f"the probability that {ARM_WORDS[self.forecast]} hurts"
        return f"{QUANTITY_WORDS[self.on]}{self.measure}"


class Ignore(_Part):
    """Findings that are known, and until when they may be passed over."""

    code: Code
    reason: Annotated[str, Field(min_length=1)]
    until: date = Field(description="the last day on which it holds")


class Policy(_Part):
    """The whole policy; ``None`` stands for what the profile says."""

    schema_: Literal[1] = Field(default=1, alias="schema", description="version of this format")
    profile: Profile = Field(default="default", description="fills in what is left out of the next four")
    inconclusive: Unclear | None = Field(default=None, description="what becomes of a rule that cannot be decided")
    candidates: Candidates | None = Field(
        default=None,
        description="what is judged where several were ranked: the one that comes first on its target, or every one",
    )
    fail_on: list[Code] | None = Field(default=None, description="codes or beginnings of codes: NT2 stands for NT2xx")
    warn_on: list[Code] | None = None
    ignore: list[Ignore] = []
    limits: list[Limit] = []
    min_samples: Count | None = Field(default=None, description="samples that every data set must have")
    min_per_class: Count | None = Field(default=None, description="samples that every class must have")

    @property
    def in_force(self) -> dict[str, Any]:
        """The policy with what its profile fills in, as plain data."""
        written = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return self.filled._asdict() | written

    @property
    def filled(self) -> Filled:
        """What the profile may fill in, as it holds."""
        written = {key: value for key in Filled._fields if (value := getattr(self, key)) is not None}
        return PROFILES[self.profile]._replace(**written)


class Filled(NamedTuple):
    """What a profile says where the policy says nothing."""

    inconclusive: Unclear
    candidates: Candidates
    fail_on: list[str]
    warn_on: list[str]


PROFILES: dict[Profile, Filled] = {
    # Codes that only say what the data do not offer stay warnings even here.
    "strict": Filled("fail", "every", ["ST1", "NT2", "DQ3", "PW4"], ["DQ305", "DQ306", "PW401"]),
    "default": Filled("fail", "first", ["NT2", "DQ303", "DQ304"], ["ST1", "DQ3", "PW4"]),
    "explore": Filled("warn", "every", [], ["ST1", "NT2", "DQ3", "PW4"]),
}
ARM_WORDS: dict[Arm, str] = {"head": "a frozen head", "full": "fine-tuning"}
QUANTITY_WORDS: dict[Quantity, str] = {
    "value": "",
    "interval": "",
    "effect": "the effect of ",
    "pvalue": "the p-value of ",
    "pvalue_holm": "the Holm-adjusted p-value of ",
    "pvalue_max_t": "the p-value, adjusted by max-T, of ",
}


def parse_policy(given: Mapping[str, Any], *, at: str, profile: str | None = None) -> Policy:
    """Make a policy of what a file says; ``at`` is the place errors name.

    Parameters
    ----------
    profile
        Stands in for the one that ``given`` names.

    Raises
    ------
    InputError
        If a key is unknown or has a value that cannot be used.
    """
    plain = dict(given) | ({} if profile is None else {"profile": profile})
    named = plain.get("profile", "default")
    if isinstance(named, str) and named not in get_args(Profile):
        raise UnknownNameError("profile", named, get_args(Profile), at=at)
    parts: dict[str, type[BaseModel]] = {"limits": Limit, "ignore": Ignore}
    for key, model in parts.items():
        if isinstance(plain.get(key), list):
            plain[key] = [
                checked(model, entry, at=f"{at}: {key}.{i}") if isinstance(entry, dict) else entry
                for i, entry in enumerate(plain[key])
            ]
    return checked(Policy, plain, at=at)
