"""An answer on its way out: in the form that was asked for, unless the asker has it already.

What is asked for is read from the request when the answer is sent, so routes know nothing of it. No
header of an answer is ever changed after it was made.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final

from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cloud_marketdata.api.envelope import Meta
from cloud_marketdata.api.wire import caching
from cloud_marketdata.api.wire.columnar import as_arrow, as_parquet
from cloud_marketdata.api.wire.commas import as_csv
from cloud_marketdata.api.wire.compression import CODINGS, LEAST_BYTES, wanted_coding
from cloud_marketdata.api.wire.formats import Format
from cloud_marketdata.api.wire.headers import next_link, quality_header
from cloud_marketdata.api.wire.negotiation import wanted_format
from cloud_marketdata.api.wire.tables import TABLES, Table, table_of
from cloud_marketdata.api.written import Document, written

_QUICK_BYTES: Final = 64 * 1024
_ENCODERS: Final[Mapping[Format, Callable[[Table], bytes]]] = {
    Format.CSV: as_csv,
    Format.PARQUET: as_parquet,
    Format.ARROW: as_arrow,
}


class Reply(Response):
    """The answer to a question; its form is decided when it is sent."""

    def __init__(self, answer: BaseModel) -> None:
        super().__init__()
        self.answer = answer

    @cached_property
    def _document(self) -> Document:
        return written(self.answer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; raises NotAcceptableError or TooPreciseError before anything is sent."""
        made = await self._made(scope)
        await made(scope, receive, send)

    async def _made(self, scope: Scope) -> Response:
        form = wanted_format(scope) if type(self.answer) in TABLES else Format.JSON
        document = self._document
        tag = caching.tag_of(document.identity, form)
        headers = {"etag": tag, "vary": caching.VARY, **_told(self.answer, scope)}
        if caching.has_it(scope["headers"], tag):
            return Response(None, 304, headers)
        body = document.body
        if form is not Format.JSON:
            body = await asyncio.to_thread(_encoded, self.answer, form)
        return await _packed(body, form, headers, scope)


def _told(answer: BaseModel, scope: Scope) -> dict[str, str]:
    """Return the headers that say what the meta says."""
    meta = getattr(answer, "meta", None)
    if not isinstance(meta, Meta):
        return {"cache-control": caching.LIVE}
    link = next_link(meta, scope["query_string"])
    return {
        "cache-control": caching.SETTLED if meta.settled else caching.LIVE,
        "x-quality": quality_header(meta.quality),
        **({} if link is None else {"link": link}),
    }


def _encoded(answer: BaseModel, form: Format) -> bytes:
    return _ENCODERS[form](table_of(answer))


async def _packed(body: bytes, form: Format, headers: dict[str, Any], scope: Scope) -> Response:
    """Return the response, compressed where that was asked for and helps."""
    coding = wanted_coding(scope["headers"])
    if coding is None or form.packed or len(body) < LEAST_BYTES:
        return Response(body, 200, headers, form.content_type)
    pack = CODINGS[coding]
    packed = pack(body) if len(body) < _QUICK_BYTES else await asyncio.to_thread(pack, body)
    return Response(packed, 200, {**headers, "content-encoding": coding}, form.content_type)
