"""The same symbol over several venues: one profile, one order flow, and who leads whom."""
