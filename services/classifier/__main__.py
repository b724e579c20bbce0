"""``python -m services.classifier``"""

from services.classifier.main import create_app
from services.classifier.settings import Settings
from services.platform.serve import serve


def main() -> None:
    settings = Settings()
    serve("classifier", create_app(settings), settings)


if __name__ == "__main__":
    main()
