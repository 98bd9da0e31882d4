"""The code blocks that pages show, cut out so that tests can run them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[3]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block: its page and number there, the heading above it, its language and text."""

    page: str
    number: int
    heading: str
    language: str
    text: str

    @property
    def title(self) -> str:
        """What a test of it is called."""
        return f"{self.page} {self.number} {self.heading}"

    @property
    def commands(self) -> list[str]:
        """The shell's lines, continued ones joined, without comments."""
        joined = self.text.replace("\\\n", " ")
        lines = (re.sub(r"\s+#.*$", "", line).strip() for line in joined.splitlines())
        return [line for line in lines if line and not line.startswith("#")]


def blocks(page: str, language: str) -> Iterator[Block]:
    """Yield the blocks of a page in one language, in their order."""
    text = (ROOT / page).read_text()
    for number, found in enumerate(_FENCE.finditer(text), 1):
        if found[1] == language:
            headings = _HEADING.findall(text, 0, found.start())
            yield Block(page, number, headings[-1], language, found[2])
