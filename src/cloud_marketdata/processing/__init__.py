"""Events in, aggregates out: one worker that awaits, and metrics that only compute."""
