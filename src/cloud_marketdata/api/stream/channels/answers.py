"""What channels of answers have in common: how often they are asked, and that they are one page."""

from pydantic import BaseModel, create_model

from cloud_marketdata.core.config import Settings

_PAGED = "cursor"


def answers_every_ms(settings: Settings) -> int:
    """Return how often answers are asked for again."""
    return settings.stream_answers_ms


def one_page(params: type[BaseModel], name: str) -> type[BaseModel]:
    """Return the parameters of a question without its cursor: a live answer has no next page."""
    kept = {
        field: (info.annotation, info)
        for field, info in params.model_fields.items()
        if field != _PAGED
    }
    made: type[BaseModel] = create_model(  # type: ignore[call-overload]  # fields by name
        name, __config__=params.model_config, __doc__=params.__doc__, **kept
    )
    return made
