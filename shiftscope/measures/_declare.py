"""``@measure``: a plain function becomes a registered measure with a card, checked options and safe results."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from shiftscope.core.features import FeatureSet, Pair
from shiftscope.core.records import Estimate, MeasureResult
from shiftscope.core.seeds import RngLike
from shiftscope.errors import InputError, NotApplicableError, UnknownNameError

__all__ = ["Measure", "measure"]

# What a measure receives from the house; everything else in its signature is an option.
PASSED = ("rng", "kernels")
# Before a need that the source of a pair has, and the target need not.
SOURCE_ONLY = "source "
PValue = Literal["exact", "conservative", "asymptotic", "none"]


@dataclass(frozen=True, eq=False)
class Measure:
    """A measure: a function of a ``FeatureSet`` or a ``Pair``, and what is known about it.

    Shift measures take a ``Pair`` and transfer measures a ``FeatureSet``, unless the first parameter is annotated
    with the other. ``needs`` holds for both sides of a ``Pair``. A shift measure of a ``FeatureSet`` knows the source
    from elsewhere: given a ``Pair``, it measures the target.

    Parameters
    ----------
    asks
        The question it answers, in plain words.
    needs
        What the samples must have: ``"labels"``, ``"classes"``, ``"logits"``, ``"layer_stats"``; with ``"source "``
        before it where the source alone must have it.
    bounds
        Least and greatest possible value, None where there is none.
    null
        The value expected when there is nothing to find.
    invariant
        Changes of the features that must not change the value; the house tests hold it to that: ``"order"``
        (of samples), ``"scale"``, ``"rotation"``, ``"duplicate"`` (every column twice), ``"dead"`` (columns of
        zeros).
    pvalue
        What kind of p-value it gives.
    warning
        Why it is not in the default set and what not to use it for; empty for measures without such a reason.
    """

    function: Callable[..., Estimate]
    name: str
    asks: str
    kind: Literal["shift", "transfer"]
    better: Literal["higher", "lower"]
    unit: str
    needs: tuple[str, ...]
    bounds: tuple[float | None, float | None]
    null: str
    invariant: tuple[str, ...]
    pvalue: PValue
    reference: str
    warning: str = ""

    def __call__(
        self, data: FeatureSet | Pair, *, rng: RngLike = None, kernels: Any = None, **options: Any
    ) -> Estimate:
        """Measure ``data``; errors are raised.

        Raises
        ------
        UnknownNameError, InputError
            For an option the measure does not have, or a value it cannot take.
        NotApplicableError
            When the samples lack what the measure needs.
        """
        checked = self.check(options)
        if isinstance(data, Pair) and self.kind == "shift" and self.takes is FeatureSet:
            data = data.target
        self._demand(data)
        return self.function(data, rng=rng, kernels=kernels, **checked)

    def run(
        self,
        data: FeatureSet | Pair,
        *,
        target: str,
        backbone: str,
        source: str | None = None,
        rng: RngLike = None,
        kernels: Any = None,
        **options: Any,
    ) -> MeasureResult:
        """Measure ``data`` and put whatever happens into a result: one failure never ends a run.

        Only wrong options are raised, because they are the caller's and wrong everywhere. A measure may be anybody's,
        so any exception of its own is a result that failed.
        """
        checked = self.check(options)
        where = {
            "measure": self.name,
            "kind": self.kind,
            "target": target,
            "backbone": backbone,
            "source": source,
        }
        try:
            estimate = self(data, rng=rng, kernels=kernels, **checked)
        except NotApplicableError as reason:
            return MeasureResult(**where, options=checked, status="not_applicable", reason=str(reason))
        except InputError:
            raise
        except Exception as reason:
            # Measures may be other people's code and raise what they like.
            text = f"{type(reason).__name__}: {reason}"
            return MeasureResult(**where, options=checked, status="failed", reason=text)
        return MeasureResult(**where, options=checked, warning=self.warning, estimate=estimate)

    @cached_property
    def options(self) -> type[BaseModel]:
        """The options as a pydantic model: the keyword parameters of the function, with their defaults."""
        hints = get_type_hints(self.function, include_extras=True)
        fields: dict[str, Any] = {
            name: (hints[name], parameter.default)
            for name, parameter in inspect.signature(self.function).parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY and name not in PASSED
        }
        return create_model(f"{self.name}_options", __config__=ConfigDict(extra="forbid", frozen=True), **fields)

    def check(self, options: dict[str, Any], *, at: str = "") -> dict[str, Any]:
        """Return ``options`` with defaults filled in and text converted; ``at`` is the path errors name."""
        place = f"{at or f'measures.{self.name}'}"
        known = self.options.model_fields
        for name in options:
            if name not in known:
                raise UnknownNameError("option", name, known or ["(none)"], at=place)
        try:
            return self.options(**options).model_dump()
        except ValidationError as wrong:
            first = wrong.errors()[0]
            raise InputError(
                f"{place}.{first['loc'][0]}: {first['input']!r} cannot be used: {first['msg'].lower()}."
            ) from None

    @cached_property
    def takes(self) -> type[FeatureSet | Pair]:
        """The type of what is measured."""
        first = next(iter(inspect.signature(self.function).parameters))
        usual: type[FeatureSet | Pair] = Pair if self.kind == "shift" else FeatureSet
        annotated = get_type_hints(self.function).get(first)
        return annotated if annotated in (FeatureSet, Pair) else usual

    def _demand(self, data: FeatureSet | Pair) -> None:
        if self.kind == "transfer" and self.takes is Pair and isinstance(data, FeatureSet):
            # A ranking without a source asks for it in good faith.
            raise NotApplicableError(f"{self.name} needs a source, too: {data.name} stands alone.")
        if not isinstance(data, self.takes):
            raise InputError(f"{self.name} takes a {self.takes.__name__}, not a {type(data).__name__}.")
        sides = (data.source, data.target) if isinstance(data, Pair) else (data,)
        for i, side in enumerate(sides):
            for need in self.needs:
                if i == 0 or not need.startswith(SOURCE_ONLY):
                    _demand_one(self.name, side, need.removeprefix(SOURCE_ONLY))


def _demand_one(name: str, side: FeatureSet, need: str) -> None:
    has = {
        "labels": side.target.kind != "none",
        "classes": side.target.kind == "class",
        "logits": side.logits is not None,
        "layer_stats": bool(side.layer_stats),
    }
    if not has[need] and need == "logits":
        # Not a matter of the samples: an embedding network has none, nor do features given without logits.
        raise NotApplicableError("the backbone has no source head whose logits could be read.")
    if not has[need] and need == "layer_stats":
        raise NotApplicableError(
            f"{name} needs batch-norm statistics: the backbone of {side.name} has no batch norm, or its features were "
            "read from a file."
        )
    if not has[need]:
        raise NotApplicableError(f"{name} needs {need}, which {side.name} does not have.")


def measure(
    *,
    asks: str,
    kind: Literal["shift", "transfer"],
    better: Literal["higher", "lower"],
    unit: str,
    null: str,
    reference: str,
    needs: tuple[str, ...] = (),
    bounds: tuple[float | None, float | None] = (None, None),
    invariant: tuple[str, ...] = (),
    pvalue: PValue = "none",
    warning: str = "",
) -> Callable[[Callable[..., Estimate]], Measure]:
    """Declare a function a measure; its name is the function's. See ``Measure`` for the parameters."""

    def declare(function: Callable[..., Estimate]) -> Measure:
        made = Measure(
            function,
            function.__name__,
            asks,
            kind,
            better,
            unit,
            needs,
            bounds,
            null,
            invariant,
            pvalue,
            reference,
            warning,
        )
        object.__setattr__(made, "__doc__", function.__doc__)
        return made

    return declare
