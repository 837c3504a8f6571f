"""NCE: how much is left to learn about the label once the source head's answer is known."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.errors import NotApplicableError
from shiftscope.kernels import Kernels
from shiftscope.measures._declare import measure
from shiftscope.measures._entropy import conditional_entropy, entropy, explained_share, joint_counts
from shiftscope.measures._head import source_logits
from shiftscope.measures._resampling import from_draws, half_samples

__all__ = ["nce"]

# What was not seen in n samples happens with a probability of up to 3/n (level 95 %).
RULE_OF_THREE = 3.0


@measure(
    asks="How much does the source head's answer say about the label?",
    kind="transfer",
    better="higher",
    unit="nats/sample",
    needs=("classes", "logits"),
    bounds=(None, 0.0),
    null="-H(Y), the entropy of the class shares (adjusted); details.balanced is 0 there",
    invariant=("order", "scale", "rotation", "duplicate", "dead"),
    reference="Tran, Nguyen and Hassner, ICCV 2019; adjusted for chance as in Vinh, Epps and Bailey, JMLR 2010",
)
def nce(
    features: FeatureSet,
    *,
    variant: Literal["adjusted", "published"] = "adjusted",
    intervals: bool = True,
    rng: RngLike = None,
    kernels: Kernels | None = None,  # noqa: ARG001
) -> Estimate:
    """Negative conditional entropy -H(Y|Z) of the label Y given Z, the source class with the largest logit.

    Counted on n samples, H(Y|Z) is far too small once source classes are many: a source class that was given to
    one sample seems to decide its label. With I = H(Y) - H(Y|Z) counted, and E its mean over all permutations of
    the labels (in closed form), the adjusted value is

        -H(Y) + H(Y) (I - E)/(H(Y) - E),

    which is -H(Y) on average when labels are permuted, and 0 when the source class decides the label.

    Parameters
    ----------
    features
        Labelled with classes, ``logits`` (n, k) of a source head with k >= 2 outputs, not all won by one of them.
    variant
        ``"adjusted"``, or ``"published"``: -H(Y|Z) as counted.
    intervals
        False: the value alone, without interval and ``draws``.

    Returns
    -------
    Estimate
        In nats per sample. ``details``: ``published``, the value as counted; ``entropy``, H(Y); ``balanced``,
        1 + NCE/H(Y), for comparisons between targets (1: the head decides the label, 0: it says nothing);
        ``source_classes``, how many the head gave to at least one sample. The interval comes from half-samples.
        It is too wide rather than too narrow near the null; where no sample contradicts its source class, it
        reaches down to the entropy of a binary event of probability 3/n.

    Raises
    ------
    NotApplicableError
        If there is one class, a class with one sample, no real head, or (adjusted) a source class of its own for
        every sample.

    Notes
    -----
    O(n k + n C), and O(n C) for each of 100 half-samples. Measured bias with 10 classes: at most 0.04 nats at n = 500,
    k = 100 (published: 0.09 to 0.77) and 0.14 at n = 500, k = 1 000 (published: 0.2 to 1.7, of which the
    Miller-Madow correction takes off a tenth). With 50 classes it is up to 0.4 too low at n = 2 000, k = 1 000, and
    the published value up to 2.4 too high.

    Fails when the head's second answer matters (LEEP sees it), and when samples are so few that most source
    classes hold one of them. The published value is comparable neither between targets nor between heads.
    """
    answers = np.argmax(source_logits(features), axis=1)
    labels = features.target.values
    table = joint_counts(answers, labels)
    if variant == "adjusted" and len(table) == features.n:
        raise NotApplicableError(
            f"the source head of {features.name} gives no class to two samples: nce needs more samples."
        )
    value, whole = _score(table, variant), entropy(table.sum(axis=0))
    halves = half_samples(features, seed_of(rng), intervals=intervals)
    draws = np.array([_score(joint_counts(answers[half], labels[half]), variant) for half in halves])
    details: Details = {
        "published": -conditional_entropy(table),
        "entropy": whole,
        "balanced": 1.0 + value / whole,
        "source_classes": len(table),
    }
    made = from_draws(value, draws, details, bounds=(-np.inf, 0.0))
    return _with_width(made, features.n)


def _score(table: NDArray[np.int64], variant: str) -> float:
    if variant == "published":
        return -conditional_entropy(table)
    return entropy(table.sum(axis=0)) * (explained_share(table) - 1.0)


def _with_width(made: Estimate, n: int) -> Estimate:
    """Widen an interval that has no width because no sample contradicts its source class."""
    if made.low is None or made.low < made.value:
        return made
    p = min(RULE_OF_THREE / n, 0.5)
    return made.model_copy(update={"low": made.value + p * np.log(p) + (1 - p) * np.log1p(-p)})
