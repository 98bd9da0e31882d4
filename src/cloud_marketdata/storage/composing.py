"""Puts the stores of a deployment together from its tiers, which may be of any engine each."""

from cloud_marketdata.core.health import Component
from cloud_marketdata.storage.ports import Archive, HotPart, ObjectStore, Stores, WarmPart


def composed(
    hot: HotPart,
    warm: WarmPart,
    objects: ObjectStore,
    archive: Archive,
    pulses: tuple[Component, ...],
) -> Stores:
    """Return the tiers as one; `pulses` tell of their engines."""
    return Stores(
        **hot._asdict(), **warm._asdict(), objects=objects, archive=archive, pulses=pulses
    )
