"""`make signals`: detectors held against labelled markets, and their false alarms on captures."""
