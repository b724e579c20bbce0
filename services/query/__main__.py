"""``python -m services.query``"""

from services.platform.serve import serve
from services.query.main import create_app
from services.query.settings import Settings


def main() -> None:
    settings = Settings()
    serve("query", create_app(settings), settings)


if __name__ == "__main__":
    main()
