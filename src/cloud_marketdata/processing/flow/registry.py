"""Every fold of a market: one line each. The order is the order in which they are told."""

from cloud_marketdata.processing.flow.moments import Fold

FOLDS: tuple[type[Fold], ...] = ()
