"""Detectors: folds that tell signals, one small file and one line in `registry` each."""
