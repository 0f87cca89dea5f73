"""The shape of a vCPU model file (pydantic): the keys, their types, and the values that are possible at all."""

from __future__ import annotations

from typing import Any

from tdxtui.model_schema.document import ModelDocument
from tdxtui.model_schema.messages import check

__all__ = ["check", "json_schema"]


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a model file, for editors and other programs.

    It knows shapes and the names of bits; what a name of [features] or [fields] means only tdxtui itself can check.
    """
    schema = ModelDocument.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
