"""Which folds want to be told what. Found out once, because most of them want little."""

from collections.abc import Callable, Sequence

from cloud_marketdata.domain.events import BookDelta, BookSnapshot, StatusEvent
from cloud_marketdata.domain.flow import Reading
from cloud_marketdata.processing.flow.moments import Arrival, Cluster, Fold, Scene, Second, Told


class Calls:
    """The methods that the folds have overridden, each list in the order of the folds."""

    def __init__(self, folds: Sequence[Fold]) -> None:
        self.cluster: list[Callable[[Scene, Cluster], Told]] = [
            fold.on_cluster for fold in folds if _has(fold, "on_cluster")
        ]
        self.book: list[Callable[[Scene, BookSnapshot | BookDelta], Told]] = [
            fold.on_book for fold in folds if _has(fold, "on_book")
        ]
        self.second: list[Callable[[Scene, Second], Told]] = [
            fold.on_second for fold in folds if _has(fold, "on_second")
        ]
        self.minute: list[Callable[[Scene, int], Told]] = [
            fold.on_minute for fold in folds if _has(fold, "on_minute")
        ]
        self.fact: list[Callable[[Scene, StatusEvent], Told]] = [
            fold.on_fact for fold in folds if _has(fold, "on_fact")
        ]
        self.arrival: list[Callable[[Scene, Arrival], Told]] = [
            fold.on_arrival for fold in folds if _has(fold, "on_arrival")
        ]
        self.reading: list[tuple[str, Callable[[Scene], Reading | None]]] = [
            (fold.name, fold.reading) for fold in folds if _has(fold, "reading")
        ]


def _has(fold: Fold, method: str) -> bool:
    return getattr(type(fold), method) is not getattr(Fold, method)
