"""Trades complete: what ids and overlaps prove, and how gaps are filled."""
