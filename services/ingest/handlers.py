"""The use case of an upload."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from services.contracts.identity import CLAIM_ID, blob_name, image_id, original_name
from services.contracts.records import Image, ImageRecord, Original, Status, now
from services.ingest import domain
from services.ingest.formats import JPEG
from services.ingest.keeping import Files, Keeper
from services.ingest.ports import Inspected, Inspector
from services.platform.errors import BadRequest

log = structlog.get_logger()


@dataclass(frozen=True)
class Upload:
    """What a client sent, as it sent it."""

    content: bytes
    claim_id: str | None = None
    metadata: str = ""


@dataclass(frozen=True)
class Accepted:
    """``already_known``: the same bytes were in this claim before; the record is theirs, as it is now."""

    record: ImageRecord
    already_known: bool


class Uploads:
    """Takes pictures in."""

    def __init__(self, inspector: Inspector, keeper: Keeper, *, clock: Callable[[], datetime] = now) -> None:
        self._inspector = inspector
        self._keeper = keeper
        self._clock = clock

    async def accept(self, upload: Upload) -> Accepted:
        """Judge the upload, then keep it; nothing is written of one that is refused.

        Raises BadRequest (claim id, metadata, no bytes), NotAnImage, UnusableImage, Unavailable.
        """
        claim_id = _claim_id(upload.claim_id)
        try:
            metadata = domain.metadata_of(upload.metadata)
        except ValueError as error:
            raise BadRequest(str(error), code="bad-metadata") from error
        if not upload.content:
            raise BadRequest("The file is empty.", code="no-file")
        seen = await self._inspector.inspect(upload.content)
        identifier = image_id(claim_id, seen.sha256)
        with structlog.contextvars.bound_contextvars(image_id=identifier, claim_id=claim_id):
            record = ImageRecord(
                id=identifier,
                claim_id=claim_id,
                status=Status.RECEIVED,
                image=_image(claim_id, identifier, upload.content, seen),
                metadata=metadata,
                received_at=self._clock(),
            )
            files = Files(seen.converted or upload.content, upload.content if seen.converted else None)
            kept, already_known = await self._keeper.keep(record, files)
            log.info(
                "picture accepted",
                already_known=already_known,
                content_type=seen.format.content_type,
                size=len(upload.content),
            )
        return Accepted(kept, already_known)


def _image(claim_id: str | None, identifier: str, content: bytes, seen: Inspected) -> Image:
    """What the record says of the file; of both files, if what was sent had to be converted."""
    kind, original = seen.format, None
    stored, sha256 = content, seen.sha256
    if seen.converted is not None:
        original = Original(
            blob=original_name(claim_id, identifier, kind.extension),
            content_type=kind.content_type,
            size=len(content),
            sha256=seen.sha256,
        )
        kind, stored = JPEG, seen.converted
        sha256 = hashlib.sha256(stored).hexdigest()
    return Image(
        blob=blob_name(claim_id, identifier, kind.extension),
        content_type=kind.content_type,
        size=len(stored),
        sha256=sha256,
        phash=seen.phash,
        width=seen.width,
        height=seen.height,
        frames=seen.frames,
        original=original,
        taken_at=seen.about.taken_at,
        taken_at_offset=seen.about.taken_at_offset,
        camera=seen.about.camera,
        gps=seen.about.gps,
    )


def _claim_id(given: str | None) -> str | None:
    if not given:
        return None
    if not CLAIM_ID.fullmatch(given):
        raise BadRequest(
            "claim_id must have 1 to 64 letters, digits, dots, underscores or hyphens, "
            "and begin with a letter or digit.",
            code="bad-claim-id",
        )
    return given
