"""LEEP: how well the source head's probabilities predict the label."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from shiftscope.core.features import FeatureSet
from shiftscope.core.records import Details, Estimate
from shiftscope.core.seeds import RngLike, seed_of
from shiftscope.kernels import Kernels
from shiftscope.measures._assignments import estimate_of, likelihoods
from shiftscope.measures._declare import measure
from shiftscope.measures._head import source_logits

__all__ = ["leep"]


@measure(
    asks="How well do the source head's probabilities predict the label?",
    kind="transfer",
    better="higher",
    unit="nats/sample",
    needs=("classes", "logits"),
    bounds=(None, 0.0),
    null="-H(Y), the entropy of the class shares (held out); details.balanced is 0 there",
    invariant=("order", "scale", "rotation", "duplicate", "dead"),
    reference="Nguyen et al., ICML 2020, eq. 2; P(y|z) held out",
)
def leep(
    features: FeatureSet,
    *,
    variant: Literal["held_out", "published"] = "held_out",
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0,
    intervals: bool = True,
    rng: RngLike = None,
    kernels: Kernels | None = None,  # noqa: ARG001
) -> Estimate:
    """Log expected empirical prediction, the mean over samples of ln sum_z P(y|z) theta_z(x).

    theta(x) = softmax(logits/temperature) are the source head's probabilities, and P(y|z) is the share of label y
    in the mass that source class z receives. Counted on the samples that are then predicted, it scores far above
    -H(Y) for labels at random once source classes are many. It is therefore counted on the other nine folds, with
    c pseudo-samples at the class shares added to every source class; c of a fold is chosen by the held-out labels
    of all other folds, so that P(y|z) is the class shares where the head says nothing.

    Parameters
    ----------
    features
        Labelled with classes, ``logits`` (n, k) of a source head with k >= 2 outputs, not all won by one of them.
    variant
        ``"held_out"``, or ``"published"``: P(y|z) counted on all samples.
    temperature
        Above 1 for heads that are too sure of themselves. LEEP depends on it.
    intervals
        False: the value alone, without interval and ``draws``.

    Returns
    -------
    Estimate
        In nats per sample. ``losses`` are -ln sum_z P(y|z) theta_z(x). ``details``: ``published``; ``entropy``,
        H(Y); ``balanced``, 1 + LEEP/H(Y), for comparisons between targets; ``at_shares``, the number of folds
        that were best predicted by the class shares alone; ``outputs``, k.

    Raises
    ------
    NotApplicableError
        If there is one class, a class with one sample, one group only, or no real head.

    Notes
    -----
    O(n k C). Source classes without mass need no care: with pseudo-samples they are at the class shares.

    Fails when the heads that are compared were trained at different temperatures or with label smoothing: a
    better head may then score lower. The interval is about prediction from as many samples as there are, which lies
    below that from very many: by up to 0.04 nats at n = 2 000, k = 100, and by up to 0.11 at n = 500, k = 100, where
    the published value is up to 0.22 too high.
    """
    seed = seed_of(rng)
    logits = source_logits(features)
    seen = likelihoods(_softmax(logits, temperature), features, seed)
    details: Details = {"at_shares": seen.n_at_shares, "outputs": logits.shape[1]}
    published = variant == "published"
    return estimate_of([seen], features, seed, published=published, details=details, intervals=intervals)


def _softmax(logits: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Probabilities (n, k) in the place of ``logits``: next to the features these are the largest array there is."""
    logits -= logits.max(axis=1, keepdims=True)
    logits /= temperature
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits
