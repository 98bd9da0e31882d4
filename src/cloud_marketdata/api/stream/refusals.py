"""What a reader of the stream may do wrong, beside what a question may have wrong in REST.

Each is one `code` that a client can act on; the table of REST's codes and this one do not overlap.
"""

from cloud_marketdata.core.errors import BadRequestError, MarketDataError


class NotTextError(BadRequestError):
    """A binary message came; this protocol has text only."""

    code = "not_text"


class BadJsonError(BadRequestError):
    """A message is no JSON object."""

    code = "bad_json"


class UnknownOpError(BadRequestError):
    """A message asks for an operation that does not exist."""

    code = "unknown_op"


class MessageTooLargeError(BadRequestError):
    """A message is longer than any that makes sense."""

    code = "too_large"
    status = 413


class TooManyControlsError(BadRequestError):
    """More requests in a second than a connection may send."""

    code = "too_many_requests"
    status = 429


class AlreadySubscribedError(BadRequestError):
    """The connection listens to this channel already."""

    code = "already_subscribed"
    status = 409


class NotSubscribedError(BadRequestError):
    """The connection does not listen to this channel."""

    code = "not_subscribed"
    status = 404


class TooManySubscriptionsError(BadRequestError):
    """The connection listens to as many channels as it may."""

    code = "too_many_subscriptions"
    status = 429


class TooManyReadersError(MarketDataError):
    """As many readers are connected as this process carries."""

    code = "too_many_connections"
    status = 503


class StoppingError(MarketDataError):
    """The process is about to stop and takes no new readers."""

    code = "stopping"
    status = 503
