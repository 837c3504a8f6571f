"""Entropies of counts, and what is left of them once chance is taken out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["conditional_entropy", "entropy", "explained_share", "joint_counts"]

Counts = NDArray[np.int64]


def joint_counts(rows: Counts, columns: Counts) -> Counts:
    """Count the pairs of codes; rows and columns of the table that would be empty are left out.

    Leaving them out is exact: they hold no samples, so no entropy changes.
    """
    _, row = np.unique(rows, return_inverse=True)
    _, column = np.unique(columns, return_inverse=True)
    shape = int(row.max()) + 1, int(column.max()) + 1
    return np.bincount(row * shape[1] + column, minlength=shape[0] * shape[1]).reshape(shape)


def entropy(counts: Counts) -> float:
    """Plug-in entropy of counts of any shape, in nats; 0 ln 0 = 0."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def conditional_entropy(table: Counts) -> float:
    """Plug-in H(column | row) of a table of counts, in nats."""
    return max(entropy(table) - entropy(table.sum(axis=1)), 0.0)


def explained_share(table: Counts) -> float:
    """Share of H(column) that the rows explain, beyond what rows explain by chance.

    (I - E)/(H - E), with I the mutual information, H the entropy of the columns and E the mean of I over all
    permutations of the labels, which is known in closed form (hypergeometric). It is 0 on average for labels at
    random, 1 where the row decides the column, and 0 where chance explains everything: one column, or no row with
    two samples.

    Notes
    -----
    O(n C) at most for E; much less where many rows or columns have equal sums.
    """
    n, whole = int(table.sum()), entropy(table.sum(axis=0))
    if len(table) == n or whole == 0:
        return 0.0
    chance = _chance_information(table.sum(axis=1), table.sum(axis=0), n)
    return min((whole - conditional_entropy(table) - chance) / (whole - chance), 1.0)


def _chance_information(rows: Counts, columns: Counts, n: int) -> float:
    """Mean mutual information of all tables with these sums (Vinh, Epps and Bailey, JMLR 2010, eq. 24a).

    A cell with sums a and b holds j of n samples with hypergeometric probability and adds (j/n) ln(n j/(a b)).
    Cells with equal sums are worked out once.
    """
    from scipy.special import gammaln

    (a, n_a), (b, n_b) = (np.unique(sums, return_counts=True) for sums in (rows, columns))
    n_cells = np.outer(n_a, n_b).ravel()
    a, b = np.repeat(a, len(b)), np.tile(b, len(a))
    least = np.maximum(a + b - n, 1)
    n_terms = np.minimum(a, b) - least + 1
    cell = np.repeat(np.arange(len(a)), n_terms)
    j = np.arange(len(cell)) - np.repeat(np.cumsum(n_terms) - n_terms - least, n_terms)
    a, b = a[cell], b[cell]
    ln = gammaln(np.arange(n + 1) + 1.0)  # ln[i] = ln i!
    probability = np.exp(
        ln[a] + ln[b] + ln[n - a] + ln[n - b] - ln[n] - ln[j] - ln[a - j] - ln[b - j] - ln[n - a - b + j]
    )
    return float((n_cells[cell] * probability * (j / n) * np.log(n * j / (a * b))).sum())
