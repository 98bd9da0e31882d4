"""Order flow on the read side: delta and CVD by bar, footprints, bars of equal activity."""
