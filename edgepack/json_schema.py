"""Checks documents against the JSON Schemas that are part of this package."""

from __future__ import annotations

import json
from importlib.resources import files


def first_fault(document: object, package: str, path: str) -> str:
    """Say what in a document breaks a schema, or nothing.

    Args:
        document: As JSON has it.
        package: The package that the schema lies in.
        path: Of the schema, inside the package.
    """
    # Not at the top: importing jsonschema takes 70 ms, and commands that read no document should not wait.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    schema = json.loads(files(package).joinpath(path).read_bytes())
    error = best_match(Draft202012Validator(schema).iter_errors(document))
    if error is None:
        return ""
    where = error.json_path.removeprefix("$").removeprefix(".") or "the document"
    if error.validator == "pattern":
        return f"{where} is {error.instance!r}, not {error.schema['description']}"
    return f"{where}: {error.message[:300]}"
