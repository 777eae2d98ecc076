"""Bundles: what is in one, how to read it, how to write it."""

from edgepack.bundle.checking import check_files
from edgepack.bundle.document import from_json, to_json
from edgepack.bundle.output import check_output
from edgepack.bundle.reading import Bundle, open_bundle
from edgepack.bundle.writing import file_ref, write_bundle

__all__ = [
    "Bundle",
    "check_files",
    "check_output",
    "file_ref",
    "from_json",
    "open_bundle",
    "to_json",
    "write_bundle",
]
