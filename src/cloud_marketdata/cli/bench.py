"""Benchmarks: the production path next to its own limit."""

from cyclopts import App


def register(app: App) -> None:
    """Add the commands."""
    app.command(App(name="bench", help="Measure the production path."))
