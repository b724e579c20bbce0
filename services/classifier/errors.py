"""What can go wrong while a picture is classified.

ServiceError
├── ImageRejected               the picture can never be analysed; the record says why
└── Unavailable                 passing: the delivery is tried again
    ├── RecordMissing           ingest has not written the record yet, or it was deleted
    ├── AlreadyInHand           another delivery of the same blob is being worked on
    ├── LinkUnavailable         no link to the blob could be made
    ├── PictureUnreadable       the engine could not read the picture through the link
    └── AnalyzerUnavailable     the engine is away, slow, or answers nonsense
        ├── AnalyzerBusy        the engine asks for fewer calls, or ours are queued for too long
        └── AnalyzerRefused     the engine refuses us: key, endpoint, or settings; a person must act
"""

from services.platform.errors import ServiceError, Unavailable


class ImageRejected(ServiceError):
    """``code`` and ``detail`` are the engine's own."""

    status = 422
    title = "The image cannot be analysed"

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail, code=code)


class RecordMissing(Unavailable):
    code = "record-missing"


class AlreadyInHand(Unavailable):
    code = "already-in-hand"


class LinkUnavailable(Unavailable):
    code = "link-unavailable"


class PictureUnreadable(Unavailable):
    code = "picture-unreadable"


class AnalyzerUnavailable(Unavailable):
    """``retry_after_s`` is what the engine asked for, if it did."""

    code = "analyzer-unavailable"


class AnalyzerBusy(AnalyzerUnavailable):
    code = "analyzer-busy"


class AnalyzerRefused(AnalyzerUnavailable):
    code = "analyzer-refused"
