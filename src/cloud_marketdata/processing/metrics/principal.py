"""The direction in which many figures vary together most: weights that sum to one in size.

Sums of products are kept, so that a day of observations costs no more than one. Weights are rounded
to a millionth: what is published is exactly what is applied.
"""

from typing import Final

import numpy as np
from msgspec import Struct

_PLACES: Final = 6


class Weights(Struct, frozen=True):
    """One weight a figure, from observations since `since` ns, of which there were `count`."""

    values: list[float]
    since: int
    count: int

    def applied(self, figures: list[float]) -> float:
        """Return the weighted sum of as many figures as there are weights."""
        return sum(weight * figure for weight, figure in zip(self.values, figures, strict=True))


class Products(Struct):
    """Sums of figures and of their products in pairs (rows), over `count` observations."""

    since: int
    count: int = 0
    sums: list[float] = []
    products: list[list[float]] = []

    def observe(self, figures: list[float]) -> None:
        """Take one observation; all have the same number of figures."""
        if not self.count:
            self.sums = [0.0] * len(figures)
            self.products = [[0.0] * len(figures) for _ in figures]
        self.count += 1
        for row, (one, kept) in enumerate(zip(figures, self.products, strict=True)):
            self.sums[row] += one
            for column, other in enumerate(figures):
                kept[column] += one * other

    def weights(self) -> Weights | None:
        """Return the first principal component, its sizes summing to 1 and its sum positive.

        None where nothing ever varied.
        """
        mean = np.array(self.sums) / self.count
        covariance = np.array(self.products) / self.count - np.outer(mean, mean)
        if not covariance.any():
            return None
        first = np.linalg.eigh(covariance).eigenvectors[:, -1]
        scaled = first / np.abs(first).sum() * (1 if first.sum() >= 0 else -1)
        return Weights([round(float(one), _PLACES) for one in scaled], self.since, self.count)
