"""Reads what a Gradle build file says of runtimes, as far as that can be told without running it.

Build files are programs, in Groovy or in Kotlin. The forms that most of them use are read; whatever names a
runtime in another form is reported as not understood, line and all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from edgepack.android.abis import ABIS
from edgepack.android.app import Pin, Unclear
from edgepack.android.catalogue import Catalogue, accessor
from edgepack.android.modules import MODULES
from edgepack.android.versions import NO_VERSION, Version, plain

_TEXT_OR_COMMENT = re.compile(r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|//[^\n]*|/\*.*?\*/""", re.DOTALL)
_TEXT = re.compile(r"""(?P<quote>["'])(?P<body>[^"'\n]*)(?P=quote)""")
_ASSIGNMENT = re.compile(r"""\b([A-Za-z_]\w*)\s*(?:=\s*|by\s+extra\s*\(\s*)(["'])([^"'$\n]+)\2""")
_BY_NAMES = re.compile(
    r"""group\s*[:=]\s*(["'])(?P<group>[^"'\n]+)\1\s*,\s*name\s*[:=]\s*(["'])(?P<name>[^"'\n]+)\3"""
    r"""(?:\s*,\s*version\s*[:=]\s*(?P<version>["'][^"'\n]*["']|[\w.]+))?"""
)
_CLOSURE = re.compile(
    r"""\s*\)?\s*\{\s*version\s*\{\s*(?:strictly|require|prefer)\s*\(?\s*(["'])(?P<version>[^"'\n]+)\1"""
)
_CALL = re.compile(r"(\w+)\s*\(?\s*$")
_NOT_SHIPPED = re.compile(r"(android)?test|\w*compileOnly|\w*lint|kapt|annotationProcessor", re.IGNORECASE)
_NAMES = "|".join(re.escape(module.partition(":")[2]) for module in MODULES)
_MENTION = re.compile(rf"(?<![\w.-])(?:{_NAMES})(?![\w-])|\.aar\b")
_ARGUMENTS = r"((?:[^\n]*[,(\[]\s*\n)*[^\n]*)"
"""The rest of a statement: lines that end in an opening bracket or a comma go on."""
_ABI_FILTERS = re.compile(rf"\babiFilters\b{_ARGUMENTS}|\babi\s*\{{[^}}]*?\binclude\b{_ARGUMENTS}")
_NO_COMPRESS = re.compile(rf"\bnoCompress\b{_ARGUMENTS}")


@dataclass(frozen=True, slots=True)
class Found:
    """What a build file says.

    Attributes:
        pins: Releases of runtimes that are shipped.
        unclear: Lines that name a runtime, and were not understood.
        abis: Those that the app is restricted to.
        stored: Suffixes of files that are not to be compressed.
    """

    pins: tuple[Pin, ...]
    unclear: tuple[Unclear, ...]
    abis: tuple[str, ...]
    stored: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Named:
    """A runtime that is named somewhere in a file.

    Attributes:
        start: Where, as an index into the text.
        end: Where that ends.
        module: "group:artifact".
        version: Its release, or why that cannot be told.
        where: What tells the release, if that is not this place.
    """

    start: int
    end: int
    module: str
    version: Version
    where: str = ""


def strip_comments(text: str) -> str:
    """Put blanks in the place of comments; every line keeps its number."""

    def blank(match: re.Match[str]) -> str:
        return match[1] or re.sub(r"[^\n]", " ", match[0])

    return _TEXT_OR_COMMENT.sub(blank, text)


def assignments(code: str) -> Iterator[tuple[str, str]]:
    """Give the names that a file gives to texts, with the texts."""
    return ((match[1], match[3]) for match in _ASSIGNMENT.finditer(code))


def read_source(
    code: str, shown: str, catalogues: Sequence[Catalogue], variables: Mapping[str, frozenset[str]]
) -> Found:
    """Read a build file.

    Args:
        code: Its text, without comments.
        shown: What to call it.
        catalogues: The project's.
        variables: What names stand for, anywhere in the project.
    """
    known = (one for catalogue in catalogues for one in _accessors(code, catalogue))
    versions = {
        f"{one.name}.versions.{name}": version for one in catalogues for name, version in one.versions.items()
    }
    resolve = _Resolver(variables, versions)
    named = [*_coordinates(code, resolve), *_by_names(code, resolve), *known]
    shipped = [one for one in named if not _NOT_SHIPPED.match(_call_before(code, one.start))]
    pins = [
        Pin(f"{one.module}:{one.version.text}", one.where or f"{shown}:{_line(code, one.start)}")
        for one in shipped
        if one.version.text
    ]
    unclear = [_unclear(code, one.start, shown, one.version.fault) for one in shipped if not one.version.text]
    claimed = {line for one in named for line in range(_line(code, one.start), _line(code, one.end) + 1)}
    return Found(
        tuple(pins),
        (*unclear, *_mentions(code, shown, claimed), *_open_filters(code, shown)),
        tuple(abi for match in _ABI_FILTERS.finditer(code) for abi in _texts(match[0]) if abi in ABIS),
        tuple(text.removeprefix(".") for match in _NO_COMPRESS.finditer(code) for text in _texts(match[1])),
    )


@dataclass(frozen=True, slots=True)
class _Resolver:
    """Finds out what a version stands for that holds a name."""

    variables: Mapping[str, frozenset[str]]
    versions: Mapping[str, Version]

    def __call__(self, text: str) -> Version:
        if "$" not in text:
            return plain(text)
        match = re.fullmatch(r"\$\{?([\w.]+?)(?:\.get\(\))?\}?", text)
        return self.name(match[1]) if match else Version(fault=f"what {text!r} stands for cannot be told")

    def name(self, name: str) -> Version:
        """Look up a variable or a version of a catalogue."""
        if accessor(name) in self.versions:
            return self.versions[accessor(name)]
        values = self.variables.get(name.rpartition(".")[2], frozenset())
        if len(values) == 1:
            return plain(next(iter(values)))
        told = f"{len(values)} values are given for it" if values else "no text is given for it"
        return Version(fault=f"what {name!r} stands for cannot be told: {told}")


def _coordinates(code: str, resolve: _Resolver) -> Iterator[_Named]:
    """Find "group:artifact:version" in one text."""
    for match in _TEXT.finditer(code):
        group, _, rest = match["body"].partition(":")
        name, _, rest = rest.partition(":")
        module = f"{group}:{name.partition('@')[0]}"
        if module not in MODULES:
            continue
        version = re.split(r"[:@]", rest)[0]
        closure = _CLOSURE.match(code, match.end())
        if closure and not version:
            version = closure["version"]
        joined = re.match(r"\s*\+", code[match.end() :])
        told = Version(fault="the text is put together from parts") if joined else resolve(version)
        yield _Named(match.start(), closure.end() if closure else match.end(), module, told)


def _by_names(code: str, resolve: _Resolver) -> Iterator[_Named]:
    """Find group, name and version as named arguments."""
    for match in _BY_NAMES.finditer(code):
        module, version = f"{match['group']}:{match['name']}", match["version"] or ""
        if module in MODULES:
            is_name = version[:1] not in ("", '"', "'")
            told = resolve.name(version) if is_name else resolve(version.strip("\"'"))
            yield _Named(match.start(), match.end(), module, told)


def _accessors(code: str, catalogue: Catalogue) -> Iterator[_Named]:
    """Find what is taken from a catalogue."""
    for match in re.finditer(rf"(?<![\w.]){re.escape(catalogue.name)}((?:\.[A-Za-z]\w*)+)", code):
        name = accessor(match[1].removeprefix(".").removesuffix(".get"))
        for entry in catalogue.find(name):
            if entry.module in MODULES:
                yield _Named(match.start(), match.end(), entry.module, entry.version, entry.where)


def _mentions(code: str, shown: str, claimed: set[int]) -> Iterator[Unclear]:
    """Find the lines that name a runtime in a form that is not read."""
    for match in _MENTION.finditer(code):
        line = _line_text(code, match.start())
        if _line(code, match.start()) in claimed or "exclude" in line:
            continue
        reason = "a local archive" if match[0] == ".aar" else "edgepack does not read this form"
        yield _unclear(code, match.start(), shown, reason)


def _open_filters(code: str, shown: str) -> Iterator[Unclear]:
    for match in _ABI_FILTERS.finditer(code):
        if not set(_texts(match[0])) & set(ABIS):
            yield _unclear(code, match.start(), shown, "no machine is named here")


def _unclear(code: str, start: int, shown: str, reason: str) -> Unclear:
    reason = reason or NO_VERSION
    return Unclear(f"{shown}:{_line(code, start)}", _line_text(code, start), reason)


def _call_before(code: str, start: int) -> str:
    """Give the function that a text is an argument of: the dependency's configuration."""
    before = _CALL.search(code, max(0, start - 200), start)
    return before[1] if before else ""


def _texts(code: str) -> list[str]:
    return [match["body"] for match in _TEXT.finditer(code)]


def _line(code: str, index: int) -> int:
    return code.count("\n", 0, index) + 1


def _line_text(code: str, index: int) -> str:
    start = code.rfind("\n", 0, index) + 1
    return code[start:].partition("\n")[0].strip()


def merge_variables(codes: Sequence[str], properties: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Collect what names stand for in all of a project's files."""
    found: dict[str, set[str]] = {}
    for name, value in chain(properties.items(), *map(assignments, codes)):
        found.setdefault(name.rpartition(".")[2], set()).add(value)
    return {name: frozenset(values) for name, values in found.items()}
