"""What can go wrong in query; every error has its HTTP status from the platform's tree.

ServiceError
├── UnprocessableContent        422
│   └── NoThumbnail             the picture cannot be made small here
└── Unavailable                 503
    ├── RecordMissing           announced, and not (or no longer) in state: the delivery is tried again
    └── IndexUnavailable        the search index is closed, locked, or broken
"""

from services.platform.errors import Unavailable, UnprocessableContent


class NoThumbnail(UnprocessableContent):
    code = "no-thumbnail"


class RecordMissing(Unavailable):
    code = "record-missing"


class IndexUnavailable(Unavailable):
    code = "index-unavailable"
