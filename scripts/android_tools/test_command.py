"""scripts/android test: the app's own classes on the JVM, with real inference."""

from __future__ import annotations

import argparse

from edgepack.errors import UsageError
from edgepack.events import Listener

SUMMARY = "run the app's classes on the JVM, with real inference"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    del parser


def run(arguments: argparse.Namespace, emit: Listener) -> None:
    del arguments, emit
    raise UsageError("there are no JVM tests yet")
