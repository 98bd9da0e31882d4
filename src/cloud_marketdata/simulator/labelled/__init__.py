"""A seeded market in which events are planted, each with its ground truth."""
