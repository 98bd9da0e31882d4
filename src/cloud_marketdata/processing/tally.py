"""What is counted of all markets of a process: it outlives workers, which come and go by leases."""

from collections import Counter

from cloud_marketdata.core.telemetry.stage_times import StageTimes


class Tally(Counter[str]):
    """Counts by name; `processed` is how long trades took until they were saved."""

    def __init__(self, *names: str) -> None:
        super().__init__(dict.fromkeys(names, 0))
        self.processed = StageTimes("processed")
