"""The arguments that several tools share, described in as few words as will do.

Every description is read by a model before it asks anything, in each conversation anew; REST's page
has room for more. What an argument means is checked where the question is answered.
"""

from typing import Annotated, Final, Literal

from pydantic import Field

from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.processing.metrics.sessions import SESSIONS

Detail = Literal["summary", "rows", "full"]
MOST_ROWS: Final = 1000

VenueName = Annotated[str, Field(json_schema_extra={"enum": [venue.value for venue in Venue]})]
SymbolName = Annotated[str, Field(description="e.g. BTCUSDT")]
Time = str | int | None
Start = Annotated[Time, Field(description="epoch ms or ISO-8601 with offset")]
End = Time
Frame = Annotated[str, Field(json_schema_extra={"enum": [frame.value for frame in Timeframe]})]
SessionName = Annotated[
    str | None, Field(json_schema_extra={"enum": [*SESSIONS]}, description="range by name, UTC")
]
Day = Annotated[str | None, Field(description="of the session, YYYY-MM-DD")]
RowTicks = Annotated[int | None, Field(description="default: about 100 rows")]
Rolling = Annotated[int | None, Field(description="range: last minutes")]
DetailName = Annotated[Detail, Field()]
MaxRows = Annotated[int | None, Field(ge=1, le=MOST_ROWS, description="default: 600 tokens")]
PageCursor = Annotated[str | None, Field(description="meta.next_cursor")]
