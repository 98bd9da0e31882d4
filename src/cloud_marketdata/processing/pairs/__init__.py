"""Two venues that trade the same symbol, against each other: divergence, basis, lead, lag."""
