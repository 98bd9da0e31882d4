"""Writes the examples of the AsyncAPI page: what was really said in a session with the stream.

`.venv/bin/python tests/e2e/write_stream_examples.py` after a message has got another form. Lists
are cut to their first two items, so sums beside them are of more than is shown.
"""

import asyncio
import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from stream_session import held, name_of

_ITEMS: Final = 2


def cut(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """Return a JSON value whose lists are short."""
    if isinstance(value, dict):
        return {name: cut(one) for name, one in value.items()}
    if isinstance(value, list):
        return [cut(one) for one in value[:_ITEMS]]
    return value


def main() -> None:
    """Hold a session and write what was said, the first message of each kind."""
    session = asyncio.run(held())
    told = [(str(asked["op"]), asked) for asked in session.asked]
    told += [(name_of(heard), heard) for heard in session.heard]
    examples: dict[str, Any] = {}
    for name, message in told:
        if name != "dance":
            examples.setdefault(name, cut(message))
    text = json.dumps(examples, indent=1)
    place = files("cloud_marketdata.api.stream").joinpath("examples.json")
    Path(str(place)).write_text(text + "\n")


if __name__ == "__main__":
    main()
