"""What a reader calls the questions, outcomes, arms, predictors and statistics of an audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shiftscope.core.audit import Outcome, Question
from shiftscope.core.text import shown
from shiftscope.report.numerals import NBSP, fixed, percent
from shiftscope.report.vocabulary import words_for

__all__ = [
    "ARMS",
    "BASELINES",
    "MARKS",
    "QUESTION_WORDS",
    "STATISTICS",
    "TRANSFER",
    "USEFUL",
    "QuestionWords",
    "StatisticWords",
    "arm_name",
    "predictor_head",
    "predictor_name",
    "regime_name",
    "truth_name",
]

# Hurt and helped speak of transfer only: against raw pixels a backbone is worse or better.
TRANSFER: tuple[Question, ...] = ("full_vs_scratch", "head_vs_scratch")
USEFUL: tuple[Question, ...] = ("best_vs_pixels",)
# Stands before a gap in a table, so that its outcome is told without colour.
MARKS: dict[Outcome, str] = {"negative": "▼", "indistinguishable": "", "positive": "▲"}


@dataclass(frozen=True)
class QuestionWords:
    """A question's name above a column, in a sentence and as a heading, and the verbs of its outcomes."""

    head: str
    subject: str
    title: str
    worse: str
    better: str
    unclear: str = "cannot be told"

    def outcome(self, outcome: Outcome) -> str:
        """One outcome as a word."""
        return {"negative": self.worse, "indistinguishable": self.unclear, "positive": self.better}[outcome]


QUESTION_WORDS: dict[Question, QuestionWords] = {
    "full_vs_scratch": QuestionWords(
        "Fine-tuned", "fine-tuning", "Fine-tuned, against training from scratch", "hurt", "helped"
    ),
    "head_vs_scratch": QuestionWords(
        "Frozen head", "a frozen head", "Head on frozen features, against training from scratch", "hurt", "helped"
    ),
    "best_vs_pixels": QuestionWords(
        "Best arm", "the best arm", "Best arm, against a probe on raw pixels", "worse", "better"
    ),
}


@dataclass(frozen=True)
class StatisticWords:
    """A statistic's name above a column and the form of its numbers; ``rising`` where more is better."""

    head: str
    form: Callable[[float], str]
    rising: bool = True
    brief: bool = False


def _two(value: float) -> str:
    return fixed(value, 2)


def _three(value: float) -> str:
    return fixed(value, 3)


STATISTICS = {
    "weighted_tau": StatisticWords("Weighted tau", _two, brief=True),
    "weighted_tau_by_accuracy": StatisticWords("Weighted tau by accuracy", _two),
    "tau_b": StatisticWords("tau-b", _two),
    "spearman": StatisticWords("Spearman", _two),
    "regret@1": StatisticWords("Regret@1, points", percent, rising=False, brief=True),
    "regret@2": StatisticWords("Regret@2, points", percent, rising=False),
    "regret@3": StatisticWords("Regret@3, points", percent, rising=False),
    "top1": StatisticWords("Top-1 hits, %", percent, brief=True),
    "brier": StatisticWords("Brier", _three, rising=False),
    "log_loss": StatisticWords("Log loss", _three, rising=False),
    "auroc": StatisticWords("AUROC of harm", _two),
    "coverage": StatisticWords("Told, %", percent),
}

# Predictors that give no advice about the target: what advice is to be held against.
BASELINES = {
    "static_prior": ("the static prior", "Static prior"),
    "random": ("random choice", "Random choice"),
    "other_seed": ("the truth of another seed", "Truth, other seed"),
    "base_rate": ("the base rate of other target groups", "Base rate elsewhere"),
    "best": ("the truth itself", "Truth itself"),
}
ADVISERS = {
    "forecast": ("the forecast", "Forecast"),
    "forecast_gain_over_random": ("a forecast by the gain over random weights alone", "Forecast, gain over random"),
    "forecast_gain_over_pixels": ("a forecast by the gain over raw pixels alone", "Forecast, gain over pixels"),
    "forecast_level": ("a forecast by the level of the probe alone", "Forecast, level"),
    "forecast_ln_per_class": ("a forecast by the number of labels alone", "Forecast, number of labels"),
    "aggregate": ("the ranking", "Ranking (mean rank)"),
    "gain_over_random": ("the gain over random weights", "Gain over random"),
    "gain_over_pixels": ("the gain over raw pixels", "Gain over pixels"),
}
TRUTHS = {
    "best": "accuracy of the best arm",
    "full": "accuracy after fine-tuning",
    "linear": "accuracy of a frozen head",
    "full_vs_scratch": "gap of fine-tuning over scratch",
    "head_vs_scratch": "gap of a frozen head over scratch",
    "best_vs_pixels": "gap of the best arm over raw pixels",
}
ARMS = {
    "pixels": "Raw pixels",
    "linear": "Frozen head",
    "last_stage": "Last stage fine-tuned",
    "full": "Fine-tuned",
    "scratch": "From scratch",
    "best": "Best arm",
}


def arm_name(arm: str) -> str:
    """An arm as it stands in a table."""
    return ARMS.get(arm) or shown(arm)


def regime_name(regime: str) -> str:
    """How many labelled images were used, kept on one line: "20 a class", "all images"."""
    return f"all{NBSP}images" if regime == "all" else f"{shown(regime)}{NBSP}a{NBSP}class"


def predictor_name(predictor: str) -> str:
    """A predictor inside a sentence."""
    known = BASELINES.get(predictor) or ADVISERS.get(predictor)
    return known[0] if known else words_for(predictor).name


def predictor_head(predictor: str) -> str:
    """A predictor as the name of a row."""
    known = BASELINES.get(predictor) or ADVISERS.get(predictor)
    if known:
        return known[1]
    name = words_for(predictor).name
    return name[:1].upper() + name[1:] if name[1:2].islower() else name


def truth_name(truth: str) -> str:
    """What predictors were held against, inside a sentence."""
    return TRUTHS.get(truth) or shown(truth)
