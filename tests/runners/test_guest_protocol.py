"""The host's end of the protocol, against frames taken apart and put together by hand."""

import re
import socket
import struct
from pathlib import Path

import numpy as np
import pytest

from edgepack.runners import guest_protocol
from edgepack.runners.guest_protocol import (
    MAX_RANK,
    Kind,
    Loaded,
    ProtocolError,
    Result,
    encode_load,
    encode_run,
    receive,
)

_DTYPES = ("float32", "float16", "float64", "int8", "uint8", "int16", "int32", "int64", "bool")
_GUEST = Path(guest_protocol.__file__).parent / "guest"


def _receive(data):
    near, far = socket.socketpair()
    with near, far:
        far.sendall(data)
        far.shutdown(socket.SHUT_WR)
        return receive(near)


def _frame(kind, payload):
    return struct.pack("<IIQ", guest_protocol.MAGIC, kind, len(payload)) + payload


def test_both_ends_have_the_same_numbers():
    """The C header is the other end: its constants in its order."""
    header = (_GUEST / "protocol.h").read_text()
    kinds = dict(re.findall(r"\b([A-Z]+) = (\d+)", header.partition("enum kind")[2].partition("}")[0]))
    assert {name: int(value) for name, value in kinds.items()} == {kind.name: kind for kind in Kind}
    dtypes = re.findall(r"[A-Z]+\d*", header.partition("enum dtype")[2].partition("}")[0])
    assert [name.lower() for name in dtypes] == list(_DTYPES)
    assert int(re.search(r"PROTOCOL_MAGIC (0x\w+?)u", header)[1], 16) == guest_protocol.MAGIC
    assert int(re.search(r"MAX_RANK (\d+)", (_GUEST / "engine.h").read_text())[1]) == MAX_RANK


def test_load_is_spelt_as_documented():
    path = "/models/modèle.ptl"
    text = path.encode()
    names = struct.pack("<II", 2, 5) + b"depth" + struct.pack("<I", 5) + b"doubt"
    expected = struct.pack("<II", 2, len(text)) + text + names
    assert encode_load(path, 2, ("depth", "doubt")) == _frame(1, expected)


def test_run_is_spelt_as_documented():
    got = encode_run([np.array([[1, 2, 3]], np.int16)], repetitions=5)
    tensor = struct.pack("<IIQQQ3h", 6, 2, 1, 3, 6, 1, 2, 3)
    assert got == _frame(2, struct.pack("<II", 5, 1) + tensor)


@pytest.mark.parametrize("dtype", _DTYPES)
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3, 4)])
def test_tensors_come_back_as_they_went(dtype, shape):
    """A run's frame and a result's have the same tensors in them, behind other numbers."""
    sent = [np.random.default_rng(3).integers(0, 2, shape).astype(dtype), np.arange(4).astype(dtype)]
    tensors = encode_run(sent)[struct.calcsize("<IIQ") + 8 :]
    got = _receive(_frame(18, struct.pack("<dI", 0.25, 2) + tensors))
    assert isinstance(got, Result)
    assert got.seconds == 0.25
    for one, expected in zip(got.outputs, sent, strict=True):
        assert one.dtype == expected.dtype
        np.testing.assert_array_equal(one, expected)


def test_a_transposed_tensor_is_sent_row_by_row():
    tensor = np.arange(6, dtype=np.int8).reshape(2, 3).T
    assert encode_run([tensor]).endswith(bytes([0, 3, 1, 4, 2, 5]))


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (struct.pack("<dI", 0, 1), "shorter than it says"),
        (struct.pack("<dIIIQ", 0, 1, 99, 0, 0), "a tensor of dtype 99 and rank 0"),
        (struct.pack("<dIIIQ", 0, 1, 1, 40, 0), "a tensor of dtype 1 and rank 40"),
        (struct.pack("<dIIIQQ", 0, 1, 1, 1, 3, 4) + bytes(4), "4 bytes for float32[3]"),
        (struct.pack("<dIIIQQ", 0, 1, 1, 1, 1 << 62, 4) + bytes(4), "4 bytes for float32"),
    ],
)
def test_nonsense_in_a_result_is_refused(payload, reason):
    with pytest.raises(ProtocolError, match=re.escape(reason)):
        _receive(_frame(18, payload))


def test_silence_is_told_from_an_answer():
    assert _receive(b"") is None
    assert _receive(_frame(17, bytes(8))[:-1]) is None
    assert _receive(_frame(17, struct.pack("<d", 1.5))) == Loaded(1.5)
