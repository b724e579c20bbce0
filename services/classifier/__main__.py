"""``python -m services.classifier``"""

import sys

from services.classifier.engines import BadEngine
from services.classifier.labels.errors import BadRules
from services.classifier.main import create_app
from services.classifier.settings import Settings
from services.platform.serve import serve


def main() -> None:
    settings = Settings()
    try:
        app = create_app(settings)
    except (BadEngine, BadRules) as error:
        sys.exit(f"classifier: {error}")
    serve("classifier", app, settings)


if __name__ == "__main__":
    main()
