"""``python -m services.ingest``"""

from services.ingest.main import create_app
from services.ingest.settings import Settings
from services.platform.serve import serve


def main() -> None:
    settings = Settings()
    serve("ingest", create_app(settings), settings)


if __name__ == "__main__":
    main()
