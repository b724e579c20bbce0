"""The part of Azure AI Search's data plane that query's adapter uses, in memory, on a port.

Understands the OData and the simple query syntax that the adapter writes, and answers 400 to anything else. Words are
not stemmed. Written from the vendor's references; the real service was not at hand.
"""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

from tests.support.ports import free_port
from tests.support.waiting import until_sync

KEY = "search-service-key"
Document = dict[str, Any]
Test = Callable[[Document], bool]


@dataclass
class SearchService:
    """``indexes``: definitions by name. ``refuse_definitions``: as where the caller has no right to create an index."""

    url: str = ""
    refuse_definitions: bool = False
    failing: bool = False
    refuse_documents: bool = False
    indexes: dict[str, Document] = field(default_factory=dict)
    documents: dict[str, dict[str, Document]] = field(default_factory=dict)
    asked: list[Document] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.middleware("http")
        async def gate(request: Request, call_next: Any) -> Any:
            if request.headers.get("api-key") != KEY:
                return JSONResponse({"error": {"message": "key"}}, 403)
            if self.failing:
                return JSONResponse({"error": {"message": "busy"}}, 503)
            return await call_next(request)

        @app.put("/indexes('{name}')")
        async def define(name: str, request: Request) -> JSONResponse:
            if self.refuse_definitions:
                return JSONResponse({"error": {"message": "forbidden"}}, 403)
            self.indexes[name] = await request.json()
            self.documents.setdefault(name, {})
            return JSONResponse(self.indexes[name], 201)

        @app.post("/indexes('{name}')/docs/search.index")
        async def index(name: str, request: Request) -> JSONResponse:
            results = []
            for action in (await request.json())["value"]:
                kind = action.pop("@search.action")
                if self.refuse_documents:
                    failed = {"key": action["id"], "status": False, "errorMessage": "full", "statusCode": 503}
                    return JSONResponse({"value": [failed]}, 207)
                if kind == "delete":
                    self.documents[name].pop(action["id"], None)
                elif kind == "upload":
                    self.documents[name][action["id"]] = self._checked(name, action)
                else:
                    raise HTTPException(400, kind)
                results.append({"key": action["id"], "status": True, "errorMessage": None, "statusCode": 200})
            return JSONResponse({"value": results})

        @app.get("/indexes('{name}')/docs('{key}')")
        async def look_up(name: str, key: str, request: Request) -> JSONResponse:
            document = self.documents[name].get(key)
            if document is None:
                return JSONResponse({"error": {"code": "", "message": "none"}}, 404)
            fields = request.query_params["$select"].split(",")
            return JSONResponse({field: document.get(field) for field in fields})

        @app.post("/indexes('{name}')/docs/search.post.search")
        async def search(name: str, request: Request) -> JSONResponse:
            body = await request.json()
            self.asked.append(body)
            return JSONResponse(_search(list(self.documents[name].values()), body))

        return app

    def _checked(self, name: str, document: Document) -> Document:
        known = {entry["name"] for entry in self.indexes[name]["fields"]}
        if unknown := set(document) - known:
            raise HTTPException(400, f"no such fields: {unknown}")
        return document


@contextmanager
def search_service() -> Iterator[SearchService]:
    """Serves from a thread of its own."""
    port = free_port()
    service = SearchService(f"http://127.0.0.1:{port}")
    server = uvicorn.Server(uvicorn.Config(service.app(), port=port, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, name="search-service", daemon=True)
    thread.start()
    try:
        until_sync(lambda: server.started or not thread.is_alive(), what="the search service")
        yield service
    finally:
        server.should_exit = True
        thread.join(10)


def _search(documents: list[Document], body: Document) -> Document:
    matches, has = _filter(body["filter"]), _words(body["search"])
    found = [document for document in documents if matches(document) and has(document)]
    for part in reversed(body.get("orderby", "").split(",")) if body.get("orderby") else ():
        name, direction = part.split()
        found.sort(key=lambda document, name=name: document[name], reverse=direction == "desc")  # type: ignore[misc]
    answer: Document = {"@odata.count": len(found), "@search.facets": {}}
    for facet in body.get("facets") or ():
        name, _, count = facet.partition(",count:")
        counted = Counter(value for document in found for value in _values(document[name]))
        top = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[: int(count)]
        answer["@search.facets"][name] = [{"value": value, "count": n} for value, n in top]
    fields = body["select"].split(",") if body.get("select") else None
    shown = found[: body["top"]]
    answer["value"] = [
        {"@search.score": 1.0, **{key: document.get(key) for key in fields or document}} for document in shown
    ]
    return answer


def _values(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _words(text: str) -> Test:
    if text == "*":
        return lambda _: True
    clauses = []
    for clause in text.split(" + "):
        if both := re.fullmatch(r'\("([^\W_]+)" \| ([^\W_]+)\*\)', clause):
            clauses.append(rf" {both[2]}")
        elif phrase := re.fullmatch(r'"([^\W_]+(?: [^\W_]+)*)"', clause):
            clauses.append(rf" {phrase[1].lower()} ")
        else:
            raise HTTPException(400, f"not simple query syntax of ours: {clause}")

    def has(document: Document) -> bool:
        fields = [
            document["caption"], document["text"], document["claim_id"] or "", *document["tags"], *document["labels"],
        ]  # fmt: skip
        words = [word for text in fields for word in re.findall(r"[^\W_]+", text.lower())]
        return all(clause in f" {' '.join(words)} " for clause in clauses)

    return has


_TOKEN = re.compile(r"search\.in\(|,|'(?:[^']|'')*'|[()]|/any\(\w:|\d[\d.e-]*|\w+(?:/(?!any\()\w+)*|\s+")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


def _filter(text: str) -> Test:
    tokens = [token for token in _TOKEN.findall(text) if not token.isspace()]
    if "".join(tokens) != re.sub(r"\s(?=(?:[^']*'[^']*')*[^']*$)", "", text):
        raise HTTPException(400, f"not OData: {text}")
    rest = iter([*tokens, "end"])
    parser = _Parser(rest)
    test = parser.either()
    if parser.token != "end":
        raise HTTPException(400, f"not OData at {parser.token}: {text}")
    return test


class _Parser:
    def __init__(self, tokens: Iterator[str]) -> None:
        self._tokens = tokens
        self.token = next(tokens)

    def _take(self) -> str:
        taken, self.token = self.token, next(self._tokens, "end")
        return taken

    def either(self) -> Test:
        tests = [self._all()]
        while self.token == "or":
            self._take()
            tests.append(self._all())
        return lambda document: any(test(document) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self.token == "and":
            self._take()
            tests.append(self._one())
        return lambda document: all(test(document) for test in tests)

    def _one(self) -> Test:
        if self.token == "(":
            self._take()
            test = self.either()
            self._expect(")")
            return test
        name = self._take()
        if name == "search.in(":
            return self._listed()
        if self.token.startswith("/any("):
            self._take()
            test = self.either()
            self._expect(")")
            return lambda document: any(test({"n": item}) for item in document.get(name) or ())
        compare, literal = _COMPARE[self._take()], _literal(self._take())
        return lambda document: compare(_path(document, name), literal)

    def _listed(self) -> Test:
        name = self._take()
        self._expect(",")
        values = self._take()
        self._expect(",")
        wanted = set(_literal(values).split(_literal(self._take())))
        self._expect(")")
        return lambda document: _path(document, name) in wanted

    def _expect(self, token: str) -> None:
        if self._take() != token:
            raise HTTPException(400, f"{token} is missing")


def _path(document: Document, name: str) -> Any:
    value: Any = document
    for part in name.split("/"):
        value = value.get(part)
    return value


def _literal(token: str) -> Any:
    if token.startswith("'"):
        return token[1:-1].replace("''", "'")
    return {"null": None, "true": True, "false": False}[token] if token.isalpha() else float(token)
