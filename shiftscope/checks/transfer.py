"""NT2xx: where starting from a candidate is more likely to hurt than not, is not shown to help, or cannot be judged."""

from __future__ import annotations

from collections.abc import Iterator

from shiftscope.core.forecast import ArmForecast, Forecast, Paired
from shiftscope.core.records import Finding, MeasureResult, RunRecord

__all__ = ["check_transfer"]

LIKELY = 0.5
PROBE = "ridge"
FEW_PER_CLASS = 5
WIDE = 0.2  # points of accuracy / 100: an interval that wide says nothing
LEAST_RANK = 2.0
NBSP = "\N{NO-BREAK SPACE}"
ARMS = {"head": "a frozen head", "full": "fine-tuning"}
# How a measure words it that there is nothing to read, and what that means.
NOTHING_TO_READ = {
    PROBE: ("have equal features.", "All samples have equal features"),
    "leep": ("a head that tells nothing apart is none.", "The source head puts all samples into one class"),
}


def check_transfer(record: RunRecord) -> Iterator[Finding]:
    """Find probable harm (NT201), no evidence of benefit (NT202), too few data (NT203), degenerate features (NT204)."""
    few: dict[str, float] = {}
    for forecast in record.forecasts:
        gains = [e for e in forecast.evidence if e.measure == PROBE]
        if not gains:
            continue
        yield from _likely(forecast, gains)
        if not any(gain.shown for gain in gains):
            yield _no_benefit(forecast, gains)
        if forecast.per_class is not None and forecast.per_class < FEW_PER_CLASS:
            few[forecast.target] = forecast.per_class
        elif wide := [gain for gain in gains if gain.high - gain.low > WIDE]:
            yield _too_wide(forecast, wide)
    for target, per_class in few.items():
        yield _too_few(target, per_class)
    baselines = {(ranking.target, row.backbone) for ranking in record.rankings for row in ranking.rows if row.baseline}
    for result in record.results:
        if (result.target, result.backbone) not in baselines and (why := _degenerate(result)):
            yield _broken(result, why)


def _likely(forecast: Forecast, gains: list[Paired]) -> Iterator[Finding]:
    """Find arms whose forecast reaches one half while a gain over a baseline is not shown."""
    missing = [gain for gain in gains if not gain.shown]
    likely = [arm for arm in forecast.arms if missing and arm.probability is not None and arm.probability >= LIKELY]
    instead = "fine-tune it" if [arm.arm for arm in likely] == ["head"] else "train from scratch"
    for arm in likely:
        yield Finding(
            code="NT201",
            severity="error",
            subject=forecast.backbone,
            title=f"{forecast.backbone}: {ARMS[arm.arm]} on {forecast.target} {_harm(arm)}.",
            message=(
                f"With {_chance(arm)} it ends below training from scratch, and the probe is not shown to do better: "
                f"{_said(missing)}. Take another candidate, or {instead}."
            ),
            evidence={
                "target": forecast.target,
                "arm": arm.arm,
                "probability": arm.probability,
                **_numbers(gains),
                **forecast.covariates,
            },
        )


def _no_benefit(forecast: Forecast, gains: list[Paired]) -> Finding:
    return Finding(
        code="NT202",
        severity="warning",
        subject=forecast.backbone,
        title=f"{forecast.backbone}: no evidence of benefit over cheap baselines on {forecast.target}.",
        message=(
            f"The probe is not shown to do better: {_said(gains)}. Label more samples, or look for a nearer source."
        ),
        evidence={"target": forecast.target, **_numbers(gains)},
    )


def _too_wide(forecast: Forecast, wide: list[Paired]) -> Finding:
    return Finding(
        code="NT203",
        severity="warning",
        subject=forecast.backbone,
        title=f"{forecast.backbone}: not enough data on {forecast.target} to say whether it helps.",
        message=f"Intervals over 20 points wide: {_said(wide)}. Label more samples.",
        evidence={"target": forecast.target, **_numbers(wide)},
    )


def _too_few(target: str, per_class: float) -> Finding:
    return Finding(
        code="NT203",
        severity="warning",
        subject=target,
        title=f"{target}: not enough data to say whether any candidate helps.",
        message=f"The median class has {per_class:g} labelled samples, and {FEW_PER_CLASS} are needed: label more.",
        evidence={"target": target, "per_class": per_class},
    )


def _degenerate(result: MeasureResult) -> str:
    """Say what is degenerate, if anything; told by the probe, and for the head by LEEP."""
    if result.measure not in NOTHING_TO_READ:
        return ""
    if result.estimate is None:
        ending, why = NOTHING_TO_READ[result.measure]
        return why if result.reason.endswith(ending) else ""
    rank, dim = (result.estimate.details.get(name) for name in ("effective_rank", "dim"))
    # So few features cannot have a larger one, whatever they are; records of old do not say how many there are.
    few = isinstance(dim, int) and dim <= LEAST_RANK
    if isinstance(rank, int | float) and rank < LEAST_RANK and not few:
        return f"The features have an effective rank of {rank:.2f}"
    return ""


def _broken(result: MeasureResult, why: str) -> Finding:
    known = {} if result.estimate is None else result.estimate.details
    numbers = {name: known[name] for name in ("effective_rank", "dim") if name in known}
    return Finding(
        code="NT204",
        severity="error",
        subject=result.backbone,
        title=f"{result.backbone}: features or head are degenerate on {result.target}.",
        message=f"{why}: check channel order, value range and input size, and whether the weights loaded.",
        evidence={"target": result.target, "measure": result.measure, "why": why, **numbers},
    )


def _harm(arm: ArmForecast) -> str:
    """Say it no more surely than the zone in which reports show the same probability."""
    return "will likely hurt" if arm.zone == "hurts" else "is more likely to hurt than not, though that is unclear"


def _chance(arm: ArmForecast) -> str:
    ends = "" if arm.low is None or arm.high is None else f" [{arm.low:.2f}, {arm.high:.2f}]"
    return f"a probability of {arm.probability:.2f}{ends}"


def _said(gains: list[Paired]) -> str:
    return ", ".join(
        f"{_points(g.gain)}{NBSP}points [{_points(g.low)},{NBSP}{_points(g.high)}] over {g.baseline}, "
        f"Holm{NBSP}p{NBSP}={NBSP}{g.pvalue_holm:.2g}"
        for g in gains
    )


def _points(share: float) -> str:
    """A difference of shares in percentage points, with its sign unless it is zero."""
    text = f"{100 * share:+.1f}"
    return "0.0" if text in ("-0.0", "+0.0") else text.replace("-", "\N{MINUS SIGN}")


def _numbers(gains: list[Paired]) -> dict[str, float]:
    """Gains and their ends for the evidence of a finding."""
    return {
        f"over_{'pixels' if g.baseline == 'pixels' else 'random'}{end}": value
        for g in gains
        for end, value in (("", g.gain), ("_low", g.low), ("_high", g.high))
    }
