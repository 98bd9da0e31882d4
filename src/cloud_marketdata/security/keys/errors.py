"""What a wish about keys may fail with, beside a bad request; each with a stable `code`."""

from cloud_marketdata.core.errors import BadRequestError


class UnknownKeyError(BadRequestError):
    """No key has this id."""

    code = "unknown_key"
    status = 404


class KeyReplacedError(BadRequestError):
    """The key has a successor that is in use already, so it gets no second one."""

    code = "key_replaced"
    status = 409


class KeyDeliveredError(BadRequestError):
    """Successors of this key are written to its file; nobody is told them in an answer."""

    code = "key_delivered"
    status = 409
