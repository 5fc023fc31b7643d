"""OpenAPI for routes that judge their body themselves: the schema beside a route joins the whole."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from shared.runtime.http.requests import HEADERS_READ

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "errors", "trace_id"],
    "properties": {
        **{name: {"type": "string"} for name in ("type", "title", "detail", "instance", "code", "trace_id")},
        "status": {"type": "integer"},
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}}},
        },
    },
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, description in (("4XX", "Refused; `code` says why"), ("5XX", "Failed on our side; safe to repeat"))
}
_REFERENCE = "#/components/schemas/{model}"


def body_of(model: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """`openapi_extra` of a route whose body, taken as raw JSON, is fitted to `model`."""
    schema = model.model_json_schema(ref_template=_REFERENCE)
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


def body_of_any(models: Iterable[type[BaseModel]]) -> dict[str, Any]:
    """The same where the body is optional and which of `models` it has to fit is told elsewhere."""
    chosen: list[tuple[type[BaseModel], JsonSchemaMode]] = [(model, "validation") for model in models]
    references, definitions = models_json_schema(chosen, ref_template=_REFERENCE)
    schema = {"anyOf": list(references.values()), **definitions}
    return {"requestBody": {"required": False, "content": {"application/json": {"schema": schema}}}}


def answers(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route that answers with one of these media types, as the caller prefers."""
    return {200: {"description": HTTPStatus.OK.phrase, "content": {kind: {} for kind in media_types}}}


def also(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route that may also answer so, with the same body."""
    return {status: {"description": HTTPStatus(status).phrase} for status in statuses}


def several_of(values: Iterable[str], most: int | None = None) -> str:
    """What one value, or several with commas between, look like."""
    one = f"({'|'.join(values)})"
    return f"^{one}(,{one}){'*' if most is None else f'{{0,{most - 1}}}'}$"


def install(app: FastAPI) -> None:
    """Makes `/openapi.json` complete; the document is built once, when it is first asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            built = get_openapi(title=app.title, version=app.version, routes=app.routes)
            schemas = built.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = PROBLEM
            _add_headers(built, app)
            _lift_definitions(built, schemas)
            app.openapi_schema = built
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _add_headers(document: dict[str, Any], app: FastAPI) -> None:
    """The headers that a route's dependencies read from the request by themselves."""
    for route in iter_route_contexts(app.routes):
        if not isinstance(route.original_route, APIRoute) or not route.include_in_schema:
            continue
        calls = dict.fromkeys(each.call for each in route.dependant.dependencies)
        headers = [header for call in calls for header in HEADERS_READ.get(call, ())]
        for method in route.methods or ():
            operation = document["paths"][route.path_format][method.lower()]
            operation["parameters"] = [*operation.get("parameters", ()), *headers]


def _lift_definitions(node: Any, schemas: dict[str, Any]) -> None:
    """Moves `$defs` of embedded schemas to the components, where their references point."""
    if isinstance(node, dict):
        for name, schema in node.pop("$defs", {}).items():
            if schemas.setdefault(name, schema) != schema:
                raise ValueError(f"two different schemas are named {name}")
        for inner in list(node.values()):
            _lift_definitions(inner, schemas)
    elif isinstance(node, list):
        for inner in node:
            _lift_definitions(inner, schemas)
