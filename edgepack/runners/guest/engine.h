// What a runtime has to offer to the server, and what the server offers to it. Each guest program is server.c
// with one engine. None of these functions returns after an error: they call `fail`.
#ifndef EDGEPACK_ENGINE_H
#define EDGEPACK_ENGINE_H
#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

#ifdef __cplusplus
#define EDGEPACK_NORETURN [[noreturn]]
#else
#define EDGEPACK_NORETURN _Noreturn
#endif

#define MAX_RANK 16
#define MAX_TENSORS 256

#ifdef __cplusplus
extern "C" {
#endif

struct tensor {
    uint32_t dtype;
    uint32_t rank;
    int64_t dims[MAX_RANK];
    uint64_t bytes;
    void *data;
};

// Prepares the runtime, once, before any job is forked; must leave no thread running. The arguments are those
// of the program after the control socket.
void engine_start(int argc, char **argv);

// The release of the runtime in its own words, or an empty string where it does not say.
const char *engine_release(void);

void engine_load(const char *path, int threads);

// The name of an output by position, where whoever gave the job knows them; NULL otherwise. For runtimes that give
// outputs by name.
const char *output_name(size_t index);

// Runs the loaded file `repetitions` times on the same inputs and describes the outputs of the last run, whose
// data stay valid until the next call. Returns how many outputs there are. `seconds` is the last run's time.
size_t engine_run(const struct tensor *inputs, size_t count, uint32_t repetitions, struct tensor *outputs,
                  double *seconds);

// Reports an error to whoever waits for the job, and ends the job. Before there is a job, the server ends.
EDGEPACK_NORETURN void fail(const char *stage, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Time in seconds from an arbitrary start.
double now(void);

// Tells a counting plugin that an inference begins or ends. It is a system call with arguments that mean
// nothing to the kernel, so it costs little and changes nothing where nobody counts.
enum mark { INFERENCE_BEGINS = 1, INFERENCE_ENDS = 2 };
void mark(enum mark which);

// Bytes of one element; 0 for a number that is no dtype.
size_t element_size(uint32_t dtype);

#ifdef __cplusplus
}
#endif
#endif
