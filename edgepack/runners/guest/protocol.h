// The protocol between edgepack and a guest program, version 2. edgepack/runners/guest_protocol.py is the other end.
//
// A guest program is started with the descriptor of a Unix stream socket, the control socket, as its first
// argument. For every job edgepack sends one byte over it with one descriptor attached: the job's own socket.
// The guest forks a process for each job. When the control socket closes, the guest and all its jobs end.
//
// On a job's socket both sides write frames. All numbers are little-endian, as on every machine concerned.
//
//   frame   u32 magic, u32 kind, u64 length, then `length` bytes of payload
//   text    u32 length, then that many bytes of UTF-8, no terminator
//   tensor  u32 dtype, u32 rank, rank times u64 dimension, u64 bytes, then the data, row-major
//
//   from edgepack
//     LOAD     u32 threads, text path of the file, u32 count, text names of the outputs by position    once, first
//     RUN      u32 repetitions, u32 count, tensors by input position     any number of times, until it closes its side
//   from the guest
//     STARTED  i32 process id of the job, text the runtime's own release        at once
//     LOADED   f64 seconds                                                      the answer to LOAD
//     RESULT   f64 seconds of the last repetition, u32 count, tensors by output position    the answer to RUN
//     FAILED   text stage, text reason                                          instead of either; the job ends
//     ENDED    u32 exit code, u32 signal number or 0                            last, when the job's process is gone
#ifndef EDGEPACK_PROTOCOL_H
#define EDGEPACK_PROTOCOL_H
#include <stdint.h>

#define PROTOCOL_MAGIC 0x32475045u  // "EPG2": the digit is the version

enum kind { LOAD = 1, RUN = 2, STARTED = 16, LOADED = 17, RESULT = 18, FAILED = 19, ENDED = 20 };

enum dtype { FLOAT32 = 1, FLOAT16, FLOAT64, INT8, UINT8, INT16, INT32, INT64, BOOL };

#endif
