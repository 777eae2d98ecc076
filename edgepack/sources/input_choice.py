"""Which inputs a model gets: as its file fixes them, or as the user and the module's forward say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgepack.errors import SourceError
from edgepack.model import DTYPES, InputSpec, TensorSpec
from edgepack.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class FileInput:
    """An input as a model file describes it.

    Attributes:
        name: The file's name for it.
        dtype: A numpy name; not necessarily one that edgepack can use.
        shape: Sizes, or names of those that the file leaves open; None when even the rank is open.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...] | None

    @property
    def fixed(self) -> tuple[int, ...] | None:
        """The shape, when the file fixes all of it."""
        if self.shape is None:
            return None
        sizes = tuple(size for size in self.shape if isinstance(size, int))
        return sizes if len(sizes) == len(self.shape) else None

    def accepts(self, shape: Sequence[int]) -> bool:
        """Whether the input can have this shape."""
        if self.shape is None:
            return True
        if len(shape) != len(self.shape):
            return False
        return all(isinstance(want, str) or got == want for got, want in zip(shape, self.shape, strict=True))

    def __str__(self) -> str:
        sizes = "any rank" if self.shape is None else ",".join(map(str, self.shape))
        return f"{self.name}:{self.dtype}[{sizes}]"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a module's forward."""

    name: str
    required: bool
    by_position_only: bool = False


def check_unique(inputs: Sequence[InputSpec]) -> None:
    """Refuse two inputs of one name.

    Raises:
        SourceError: There are such; the message names one.
    """
    names = [one.tensor.name for one in inputs]
    for name in names:
        if names.count(name) > 1:
            raise SourceError(f"input {name!r} is given twice", hint="give each --input a name of its own")


def fill_file_inputs(
    source: str, known: Sequence[FileInput], given: Sequence[InputSpec]
) -> tuple[InputSpec, ...]:
    """Complete what a model file says of its inputs by what the user gave, in the file's order.

    Args:
        source: The file, for messages.
        known: All inputs of the file.
        given: From `--input`; may leave out inputs whose shapes the file fixes.

    Raises:
        SourceError: The user contradicts the file, or a size is still open; the hint shows `--input`.
    """
    check_unique(given)
    wanted = {one.tensor.name: one for one in given}
    names = [one.name for one in known]
    for name in wanted:
        if name not in names:
            raise unknown_input(source, name, known)
    return tuple(_fill(source, one, wanted.get(one.name)) for one in known)


def unknown_input(source: str, name: str, known: Sequence[FileInput]) -> SourceError:
    """Say that a model file has no such input, which are there, and which was meant."""
    near = did_you_mean(name, [one.name for one in known])
    return SourceError(
        f"{source} has no input {name!r}",
        hint=f"{near} its inputs are {', '.join(map(str, known))}".strip(),
    )


def bind_parameters(
    parameters: Sequence[Parameter], *, takes_more: bool, given: Sequence[InputSpec]
) -> dict[str, InputSpec] | None:
    """Match inputs to forward's parameters by name, in forward's order.

    Args:
        parameters: Of the module's forward.
        takes_more: Whether forward takes any number of positional inputs.
        given: The inputs.

    Returns:
        Parameter name to input; None when no name matches and the inputs are meant by position.

    Raises:
        SourceError: Some names match and some do not, or the number cannot be right.
    """
    check_unique(given)
    signature = f"forward({', '.join(one.name for one in parameters)})"
    by_name = {one.tensor.name: one for one in given}
    matching = {one.name: by_name[one.name] for one in parameters if one.name in by_name}
    required = [one.name for one in parameters if one.required]
    if not matching:
        if len(given) < len(required) or (len(given) > len(parameters) and not takes_more):
            raise SourceError(
                f"the model takes {_count(required, parameters)}, {len(given)} given: {signature}",
                hint=f"give one --input for each, for example {input_example(required)}",
            )
        return None
    stray = [name for name in by_name if name not in matching]
    if stray:
        raise SourceError(
            f"no parameter of {signature} is called {stray[0]!r}, but others are matched by name",
            hint=did_you_mean(stray[0], [one.name for one in parameters if one.name not in matching])
            or "name all inputs as forward does, or none",
        )
    missing = [name for name in required if name not in matching]
    if missing:
        raise SourceError(
            f"no input is given for {missing[0]!r} of {signature}", hint=f"add {input_example(missing)}"
        )
    return matching


def input_example(names: Sequence[str]) -> str:
    """Give `--input` options as an example, one for each name."""
    return " ".join(f"--input {name}:float32[1,3,224,224]" for name in names or ["x"])


def _count(required: Sequence[str], parameters: Sequence[Parameter]) -> str:
    low, high = len(required), len(parameters)
    number = str(low) if low == high else f"{low} to {high}"
    return f"{number} input{'s' if number != '1' else ''}"


def _fill(source: str, known: FileInput, given: InputSpec | None) -> InputSpec:
    if known.dtype not in DTYPES:
        raise SourceError(
            f"{source}: input {known.name!r} is of dtype {known.dtype}, which no edge format takes",
            hint=f"dtypes that work: {', '.join(DTYPES)}",
        )
    if given is None:
        if known.fixed is None:
            raise SourceError(
                f"{source} leaves the shape of input {known} open", hint=f"fix it with {_example(known)}"
            )
        return InputSpec(TensorSpec(known.name, known.dtype, known.fixed))
    if given.tensor.dtype != known.dtype:
        raise SourceError(
            f"{source}: input {known.name!r} is of dtype {known.dtype}, not {given.tensor.dtype}",
            hint=f"write {_example(known)}",
        )
    if known.shape is not None and not known.accepts(given.tensor.shape):
        rank = f"{len(known.shape)} dimensions" if len(given.tensor.shape) != len(known.shape) else "shape"
        raise SourceError(
            f"{source}: input {known} has other {rank} than {given.tensor}", hint=f"write {_example(known)}"
        )
    return given


def _example(known: FileInput) -> str:
    sizes = ["1" if isinstance(size, str) else str(size) for size in known.shape or (1,)]
    return f"--input {known.name}:{known.dtype}[{','.join(sizes)}]"
