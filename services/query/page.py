"""The gallery: static files, and the one page with its configuration written into it."""

import json
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

WEB: Final = Path(__file__).parent / "web"


class _Files(StaticFiles):
    """Asked for again each time (a 304 mostly), so that a new version of the page comes as a whole."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def install_page(app: FastAPI, *, ingest_url: str, picture_origins: str) -> None:
    """Add ``/`` and ``/assets``. ``picture_origins``: where /content's links lead, separated by spaces."""
    config = {"ingest": ingest_url.rstrip("/")}
    # "<" written so cannot end the script element that the text stands in.
    text = json.dumps(config).replace("<", "\\u003c")
    html = (WEB / "index.html").read_text(encoding="utf-8").replace("{{config}}", text)
    # The origin: a path in a policy would have to be the whole of what is asked for.
    ingest = urlsplit(ingest_url)
    ingest_origin = f"{ingest.scheme}://{ingest.netloc}" if ingest.netloc else ""
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": "; ".join(
            (
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                f"img-src 'self' blob: data: {picture_origins}".rstrip(),
                " ".join(filter(None, ("connect-src 'self'", ingest_origin, picture_origins))),
                "font-src 'self'",
                "manifest-src 'self'",
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'",
            )
        ),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def gallery() -> HTMLResponse:
        return HTMLResponse(html, headers=headers)

    app.mount("/assets", _Files(directory=WEB), name="assets")
