"""From images to features: one decode for all backbones, and a store that makes a second run free.

Nothing here imports torch until something is extracted.
"""

from __future__ import annotations

from shiftscope.core.progress import Progress
from shiftscope.extraction.device import cores, resolve_device
from shiftscope.extraction.extract import Extraction, Layer, extract
from shiftscope.extraction.store import Store

__all__ = ["Extraction", "Layer", "Progress", "Store", "cores", "extract", "resolve_device"]
