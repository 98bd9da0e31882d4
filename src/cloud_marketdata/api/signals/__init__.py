"""What detectors told of markets and of pairs of them, as it leaves the service."""
