"""``checkpoint:MANIFEST.json#NAME``: weights on this machine with a card that says what they are."""

from __future__ import annotations

from pathlib import Path

from shiftscope.backbones.architecture import builder_of
from shiftscope.backbones.backbone import Backbone, identity_of
from shiftscope.backbones.manifest import Entry, entries, inside
from shiftscope.backbones.weights import WeightsFile
from shiftscope.core.records import BackboneCard

__all__ = ["open_checkpoint"]


def open_checkpoint(location: str, trust_code: bool = False) -> list[Backbone]:
    """Open one entry of a manifest, or all of them with ``#*``; paths are relative to the working directory.

    Everything that needs no network is checked here: fields, allowed arguments, trust, and that files stay in the
    manifest's folder. See ``manifest.Entry`` for the fields.

    Raises
    ------
    InputError
        If the manifest is missing or an entry unknown.
    BackboneError
        If an entry cannot be built as described.
    """
    path, _, wanted = location.partition("#")
    manifest = Path(path).expanduser()
    return [_backbone(entry, manifest, trust_code=trust_code) for entry in entries(manifest, wanted)]


def _backbone(entry: Entry, manifest: Path, *, trust_code: bool) -> Backbone:
    owner = f"{manifest}#{entry.name}"
    weights = WeightsFile(inside(manifest.parent, entry.file, owner), entry.sha256, owner)
    build, code = builder_of(entry, manifest, trust_code=trust_code)
    draft = BackboneCard(
        name=entry.name,
        uri=f"checkpoint:{owner}",
        library=entry.library,
        constructor=entry.constructor,
        kwargs=entry.arguments,
        transform=entry.transform,
        num_classes=entry.num_classes,
        source_domain=entry.source_domain,
        licence=entry.licence,
        origin=entry.origin,
        weights=entry.sha256,
        published=entry.published,
        identity="",
    )
    card = draft.model_copy(update={"identity": identity_of(draft, weights=entry.sha256, code=code)})
    return Backbone(card, build, weights, code=code)
