"""What every test stands on: fewer examples a law, and logs that are made and thrown away."""

import structlog
from hypothesis import settings

# The unit part is run before every commit; laws that need more examples say so themselves.
settings.register_profile("quick", max_examples=25, deadline=None)
settings.load_profile("quick")

structlog.configure(
    processors=[structlog.processors.JSONRenderer()],
    logger_factory=structlog.ReturnLoggerFactory(),
)
