"""Every fold of a market: one line each. The order is the order in which they are told.

Measures tell readings of each minute; detectors tell signals.
"""

from cloud_marketdata.processing.detectors.absorption import Absorption
from cloud_marketdata.processing.detectors.archive_fault import ArchiveFault
from cloud_marketdata.processing.detectors.clock_skew import ClockSkew
from cloud_marketdata.processing.detectors.crossed_book import CrossedBook
from cloud_marketdata.processing.detectors.depth_collapse import DepthCollapse
from cloud_marketdata.processing.detectors.divergence import DeltaDivergence
from cloud_marketdata.processing.detectors.duplicates import Duplicates
from cloud_marketdata.processing.detectors.exhaustion import Exhaustion
from cloud_marketdata.processing.detectors.feed_rate import FeedRate
from cloud_marketdata.processing.detectors.flow_absorption import FlowAbsorption
from cloud_marketdata.processing.detectors.iceberg_suspected import IcebergSuspected
from cloud_marketdata.processing.detectors.large_trade import LargeTrade
from cloud_marketdata.processing.detectors.outlier_print import OutlierPrint
from cloud_marketdata.processing.detectors.price_spike import PriceSpike
from cloud_marketdata.processing.detectors.sequence_gap import SequenceGap
from cloud_marketdata.processing.detectors.spread_blow_out import SpreadBlowOut
from cloud_marketdata.processing.detectors.stale_feed import StaleFeed
from cloud_marketdata.processing.detectors.sweep import Sweep
from cloud_marketdata.processing.detectors.trade_gap import TradeGaps
from cloud_marketdata.processing.detectors.volume_spike import VolumeSpike
from cloud_marketdata.processing.detectors.wash_like import WashLike
from cloud_marketdata.processing.flow.moments import Fold
from cloud_marketdata.processing.metrics.amihud import Amihud
from cloud_marketdata.processing.metrics.book_imbalance import BookImbalance
from cloud_marketdata.processing.metrics.cluster_sizes import ClusterSizes
from cloud_marketdata.processing.metrics.delta_path import DeltaPath
from cloud_marketdata.processing.metrics.kyle_lambda import KyleLambda
from cloud_marketdata.processing.metrics.ofi import Ofi
from cloud_marketdata.processing.metrics.ofi_levels import OfiLevels
from cloud_marketdata.processing.metrics.spreads import Spreads
from cloud_marketdata.processing.metrics.vpin import Vpin

FOLDS: tuple[type[Fold], ...] = (
    # Measures.
    Amihud,
    BookImbalance,
    ClusterSizes,
    DeltaPath,
    KyleLambda,
    Ofi,
    OfiLevels,
    Spreads,
    Vpin,
    # Detectors of the tape.
    ArchiveFault,
    DeltaDivergence,
    Exhaustion,
    FlowAbsorption,
    LargeTrade,
    OutlierPrint,
    PriceSpike,
    Sweep,
    VolumeSpike,
    WashLike,
    # Detectors of the book.
    Absorption,
    CrossedBook,
    DepthCollapse,
    IcebergSuspected,
    SpreadBlowOut,
    # Detectors of the feeds.
    ClockSkew,
    Duplicates,
    FeedRate,
    SequenceGap,
    StaleFeed,
    TradeGaps,
)
