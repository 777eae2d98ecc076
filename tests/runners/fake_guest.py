"""A guest that misbehaves as its second argument says; the first is the control socket."""

import os
import socket
import struct
import sys
import time

STARTED, FAILED, ENDED = 16, 19, 20


def frame(kind, payload, magic=0x32475045):
    return struct.pack("<IIQ", magic, kind, len(payload)) + payload


def started(pid):
    return frame(STARTED, struct.pack("<iI", pid, 3) + b"1.0")


def text(*parts):
    return b"".join(struct.pack("<I", len(part)) + part for part in parts)


def says(pid):
    return {
        "rubbish": b"Segmentation fault (core dumped)\n",
        "other_version": frame(STARTED, b"", magic=0x33475045),
        "cut_short": frame(STARTED, struct.pack("<iI", 1, 500) + b"1.0"),
        "huge": struct.pack("<IIQ", 0x32475045, STARTED, 1 << 60),
        "out_of_turn": started(pid) + started(pid),
        "crash": started(pid) + frame(ENDED, struct.pack("<II", 0, 4)),
        "early_exit": started(pid) + frame(ENDED, struct.pack("<II", 12, 0)),
        "refuse": started(pid) + frame(FAILED, text(b"load", b"no such operator")),
    }


def serve(channel, manner):
    if manner == "leave":
        print("the guest's last words", file=sys.stderr, flush=True)
        os._exit(7)
    if manner in ("hang", "hog"):
        pid = os.fork()
        if pid == 0:
            hoard = bytearray(300 << 20) if manner == "hog" else b""
            time.sleep(600 + len(hoard))
        channel.sendall(started(pid))
    else:
        channel.sendall(says(os.getpid())[manner])
    time.sleep(600)


control = socket.socket(fileno=int(sys.argv[1]))
_, descriptors, _, _ = socket.recv_fds(control, 1, 1)
serve(socket.socket(fileno=descriptors[0]), sys.argv[2])
