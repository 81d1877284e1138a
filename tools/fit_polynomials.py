"""Fits the polynomials of VectorMath: near-minimax in relative error, on Chebyshev nodes.

Prints Java arrays, the highest power first. Needs numpy and mpmath.
"""

import mpmath
import numpy

mpmath.mp.dps = 40


def fit(name, function, low, high, degree, weight=lambda x: 1.0):
    """Coefficients of a polynomial of `degree` close to `function`, errors divided by `weight`."""
    nodes = 400
    angles = (numpy.arange(nodes) + 0.5) * numpy.pi / nodes
    xs = (low + high) / 2 + (high - low) / 2 * numpy.cos(angles)
    values = numpy.array([float(function(mpmath.mpf(float(x)))) for x in xs])
    weights = numpy.array([1 / float(weight(mpmath.mpf(float(x)))) for x in xs])
    matrix = numpy.vander(xs, degree + 1) * weights[:, None]
    # Iteratively reweighted least squares comes close to the minimax solution.
    emphasis = numpy.ones(nodes)
    for _ in range(60):
        root = numpy.sqrt(emphasis)
        coefficients, *_ = numpy.linalg.lstsq(
            matrix * root[:, None], values * weights * root, rcond=None
        )
        errors = numpy.abs(matrix @ coefficients - values * weights)
        emphasis *= errors / errors.max() + 1e-3
        emphasis /= emphasis.sum()
    print(f"// {name}: at most {errors.max():.1e}")
    print(", ".join(f"{c:.9g}" for c in coefficients))


LN2 = float(mpmath.log(2))


def near(function, series):
    """Close to 0, where the quotient cancels, the series."""
    return lambda x: series(x) if abs(x) < 1e-6 else function(x)


fit(
    "exp: (e^r - 1 - r) / r^2",
    near(lambda r: (mpmath.expm1(r) - r) / r**2, lambda r: 0.5 + r / 6),
    -LN2 / 2 * 1.01,
    LN2 / 2 * 1.01,
    4,
    lambda r: 1 / (abs(r) + 0.05),
)
fit(
    "log: (log1p(f) - f + f^2/2) / f^3",
    near(lambda f: (mpmath.log1p(f) - f + f**2 / 2) / f**3, lambda f: mpmath.mpf(1) / 3 - f / 4),
    -0.2930,
    0.4143,
    7,
    lambda f: 1 / (abs(f) ** 2 + 0.01),
)
fit(
    "erf below the split: (erf(x) - x) / x in x^2",
    lambda s: mpmath.erf(mpmath.sqrt(s)) / mpmath.sqrt(s) - 1,
    1e-9,
    0.9275**2,
    5,
)
fit(
    "erf above: -log(erfc(t)) / t",
    lambda t: -mpmath.log(mpmath.erfc(t)) / t,
    0.92,
    3.95,
    6,
    lambda t: 1 / (t * mpmath.erfc(t)),
)
fit(
    "sin: (sin(r) - r) / r^3 in r^2",
    lambda s: (mpmath.sin(mpmath.sqrt(s)) - mpmath.sqrt(s)) / mpmath.sqrt(s) ** 3,
    1e-4,
    (3.1416 / 4) ** 2 * 1.01,
    3,
)
fit(
    "cos: (cos(r) - 1 + r^2/2) / r^4 in r^2",
    lambda s: (mpmath.cos(mpmath.sqrt(s)) - 1 + s / 2) / s**2,
    1e-3,
    (3.1416 / 4) ** 2 * 1.01,
    3,
)
