"""What is wrong with an upload; every error has its HTTP status from the platform's tree.

ServiceError
├── UnsupportedMediaType        415
│   └── NotAnImage              the bytes are no format that Vision reads
└── UnprocessableContent        422
    └── UnusableImage           an image, but undecodable, truncated, too small or too large
"""

from services.platform.errors import UnprocessableContent, UnsupportedMediaType


class NotAnImage(UnsupportedMediaType):
    code = "not-an-image"


class UnusableImage(UnprocessableContent):
    """``code`` is one of the three below."""

    code = UNDECODABLE = "image-undecodable"
    TRUNCATED = "image-truncated"
    DIMENSIONS = "image-dimensions"
