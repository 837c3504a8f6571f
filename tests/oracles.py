"""Closed forms and brute force that measures are tested against: slow, plain and independent of shiftscope."""

import numpy as np
from scipy.linalg import sqrtm, subspace_angles
from scipy.optimize import minimize
from scipy.spatial.distance import cdist


def mmd2(x, y, bandwidth, *, biased=False):
    """Squared MMD with a Gaussian kernel, from the full kernel matrices in float64."""
    xx, yy, xy = (np.exp(-cdist(a, b, "sqeuclidean") / (2 * bandwidth**2)) for a, b in ((x, x), (y, y), (x, y)))
    if biased:
        return xx.mean() + yy.mean() - 2 * xy.mean()
    n, m = len(x), len(y)
    return (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1)) - 2 * xy.mean()


def gaussian_mmd2(distance, sd_x, sd_y, bandwidth, d):
    """Population value for isotropic Gaussians in d dimensions whose means are ``distance`` apart."""

    def mean_kernel(apart, var):
        total = bandwidth**2 + var
        return (bandwidth**2 / total) ** (d / 2) * np.exp(-(apart**2) / (2 * total))

    return mean_kernel(0, 2 * sd_x**2) + mean_kernel(0, 2 * sd_y**2) - 2 * mean_kernel(distance, sd_x**2 + sd_y**2)


def bures(x, y):
    """Squared Frechet distance of two samples, with matrix square roots as in the definition."""
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    apart = x.mean(axis=0) - y.mean(axis=0)
    root = sqrtm(a)
    return apart @ apart + np.trace(a + b) - 2 * np.trace(sqrtm(root @ b @ root)).real


def log_evidence(x, y, log_alpha, log_beta, *, centred):
    """ln N(y; 0, I/beta + xx'/alpha) by slogdet; centred: of the n - 1 contrasts that no intercept changes."""
    if centred:
        contrasts = np.linalg.qr(np.column_stack([np.ones(len(x)), np.eye(len(x))[:, 1:]]))[0][:, 1:]
        x, y = contrasts.T @ x, contrasts.T @ y
    covariance = np.eye(len(y)) * np.exp(-log_beta) + x @ x.T * np.exp(-log_alpha)
    return -0.5 * (np.linalg.slogdet(2 * np.pi * covariance)[1] + y @ np.linalg.solve(covariance, y))


def best_evidence(x, y, *, centred):
    """Maximum over alpha and beta of the log evidence per degree of freedom: Nelder-Mead from a few starts."""
    free = len(y) - centred
    starts = [(a, b) for a in (-2.0, 2.0, 6.0) for b in (0.0, 3.0)]
    found = [
        minimize(
            lambda p: -log_evidence(x, y, *p, centred=centred) / free,
            start,
            method="Nelder-Mead",
            options={"xatol": 1e-6, "fatol": 1e-12, "maxiter": 2000},
        )
        for start in starts
    ]
    return -min(f.fun for f in found)


def canonical_h(x, classes):
    """H-score as the sum of squared canonical correlations of features and classes."""
    onehot = np.eye(classes.max() + 1)[classes]
    angles = subspace_angles(x - x.mean(axis=0), (onehot - onehot.mean(axis=0))[:, 1:])
    return np.square(np.cos(angles)).sum()


def held_out_ridge(x, targets, folds, penalty):
    """Predictions of ridge regression, fitted anew without each fold."""
    predicted = np.empty_like(targets)
    for fold in np.unique(folds):
        rest = folds != fold
        centre, level = x[rest].mean(axis=0), targets[rest].mean(axis=0)
        a = x[rest] - centre
        weights = np.linalg.solve(a.T @ a + penalty * np.eye(x.shape[1]), a.T @ (targets[rest] - level))
        predicted[~rest] = level + (x[~rest] - centre) @ weights
    return predicted
