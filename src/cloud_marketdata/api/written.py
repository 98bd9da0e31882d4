"""An answer as JSON: byte for byte what its model gives, but long parts are written only once."""

from typing import NamedTuple

from pydantic import BaseModel

from cloud_marketdata.api.schemas import ProfileAnswer
from cloud_marketdata.api.unread import Unread


class Document(NamedTuple):
    """An answer's JSON text, and a shorter text that differs wherever that differs."""

    body: bytes
    identity: bytes


def written(answer: BaseModel) -> Document:
    """Return what `model_dump_json` would give, encoded."""
    if isinstance(answer, ProfileAnswer) and isinstance(answer.data.rows, Unread):
        return _profile(answer, answer.data.rows)
    body = answer.model_dump_json().encode()
    return Document(body, body)


def _profile(answer: ProfileAnswer, rows: Unread[BaseModel]) -> Document:
    """Return a profile's answer; its rows are the last member of its data."""
    facts = answer.data.model_dump_json(exclude={"rows"}).encode()
    meta = answer.meta.model_dump_json().encode()
    head, tail = b'{"data":' + facts[:-1] + b',"rows":', b'},"meta":' + meta + b"}"
    return Document(b"".join((head, rows.json, tail)), b"".join((head, rows.digest, tail)))
