// The engine for .tflite files on LiteRT's own C API: libLiteRt.so of the ai-edge-litert wheel.
// https://ai.google.dev/edge/litert/next documents the functions; only what is used is declared here.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"

typedef void *Handle;  // LiteRt's objects are all opaque
typedef int Status;    // 0: fine

enum { ACCELERATOR_CPU = 1, LOCK_READ = 0, LOCK_WRITE = 1, LITERT_MAX_RANK = 8 };

// LiteRtRankedTensorType; the rank shares its word with a flag, in the lowest seven bits.
struct ranked_type {
    int32_t element_type;
    uint32_t rank_and_flags;
    int32_t dims[LITERT_MAX_RANK];
    uint32_t strides[LITERT_MAX_RANK];
    char further[256];
};

// name, parameters: one line per function that is used
#define API(DO)                                                                     \
    DO(CreateEnvironment, (int, const void *, Handle *))                            \
    DO(CreateModelFromFile, (const char *, Handle *))                               \
    DO(CreateOptions, (Handle *))                                                   \
    DO(SetOptionsHardwareAccelerators, (Handle, int))                               \
    DO(CreateCompiledModel, (Handle, Handle, Handle, Handle *))                     \
    DO(RunCompiledModel, (Handle, size_t, size_t, Handle *, size_t, Handle *))      \
    DO(GetCompiledModelInputBufferRequirements, (Handle, size_t, size_t, Handle *)) \
    DO(GetCompiledModelOutputBufferRequirements, (Handle, size_t, size_t, Handle *)) \
    DO(GetModelSubgraph, (Handle, size_t, Handle *))                                \
    DO(GetNumSubgraphInputs, (Handle, size_t *))                                    \
    DO(GetNumSubgraphOutputs, (Handle, size_t *))                                   \
    DO(GetSubgraphInput, (Handle, size_t, Handle *))                                \
    DO(GetSubgraphOutput, (Handle, size_t, Handle *))                               \
    DO(GetRankedTensorType, (Handle, void *))                                       \
    DO(CreateManagedTensorBufferFromRequirements, (Handle, const void *, Handle, Handle *)) \
    DO(LockTensorBuffer, (Handle, void **, int))                                    \
    DO(UnlockTensorBuffer, (Handle))

static struct {
#define MEMBER(name, parameters) Status(*name) parameters;
    API(MEMBER)
} litert;

static const uint32_t dtypes[] = {[1] = FLOAT32, [2] = INT32, [3] = UINT8,    [4] = INT64,   [6] = BOOL,
                                  [7] = INT16,   [9] = INT8,  [10] = FLOAT16, [11] = FLOAT64};  // as TfLiteType

static Handle compiled;
static size_t input_count, output_count;
static struct tensor inputs_of_file[MAX_TENSORS], outputs_of_file[MAX_TENSORS];
static Handle input_buffers[MAX_TENSORS], output_buffers[MAX_TENSORS];

// LiteRT says why only in its log, so the log of each step is kept to be quoted.
static FILE *captured;
static int log_before = -1;

static void listen(void) {
    log_before = dup(STDERR_FILENO);
    captured = tmpfile();
    if (captured) dup2(fileno(captured), STDERR_FILENO);
}

// Gives the log its place back, and the last error that it names.
static const char *heard(void) {
    static char line[2048], last[2048];
    if (!captured) return "no reason is known";
    fflush(stderr);
    dup2(log_before, STDERR_FILENO);
    close(log_before);
    rewind(captured);
    while (fgets(line, sizeof line, captured)) {
        fputs(line, stderr);
        if (strstr(line, "ERROR") && (!*last || strstr(line, "op"))) strcpy(last, line);
    }
    fclose(captured);
    captured = NULL;
    last[strcspn(last, "\n")] = 0;
    return *last ? last : "the runtime gave no reason";
}

static void check(Status status, const char *stage) {
    if (status) fail(stage, "%s (status %d)", heard(), status);
}

void engine_start(int argc, char **argv) {
    if (argc != 1) fail("runtime", "one argument is needed: the library");
    void *library = dlopen(argv[0], RTLD_NOW);
    if (!library) fail("runtime", "%s", dlerror());
#define FIND(name, parameters)                                                  \
    if (!(litert.name = (Status(*) parameters)dlsym(library, "LiteRt" #name))) \
        fail("runtime", "the library has no LiteRt" #name);
    API(FIND)
}

const char *engine_release(void) { return ""; }

// Describes a tensor of the file and makes the buffer that it is passed in.
static Handle prepare(Handle environment, Handle tensor, Handle requirements, struct tensor *described) {
    struct ranked_type type = {0};
    check(litert.GetRankedTensorType(tensor, &type), "load");
    described->rank = type.rank_and_flags & 0x7f;
    size_t known = sizeof dtypes / sizeof *dtypes;
    described->dtype = type.element_type > 0 && (size_t)type.element_type < known ? dtypes[type.element_type] : 0;
    if (!described->dtype || described->rank > LITERT_MAX_RANK)
        fail("load", "a tensor of type %d and rank %u", type.element_type, described->rank);
    described->bytes = element_size(described->dtype);
    for (uint32_t axis = 0; axis < described->rank; axis++) {
        described->dims[axis] = type.dims[axis];
        described->bytes *= (uint64_t)type.dims[axis];
    }
    Handle buffer;
    check(litert.CreateManagedTensorBufferFromRequirements(environment, &type, requirements, &buffer), "load");
    return buffer;
}

void engine_load(const char *path, int threads) {
    (void)threads;
    listen();
    Handle environment, model, options, graph, tensor, requirements;
    check(litert.CreateEnvironment(0, NULL, &environment), "load");
    check(litert.CreateModelFromFile(path, &model), "load");
    check(litert.CreateOptions(&options), "load");
    check(litert.SetOptionsHardwareAccelerators(options, ACCELERATOR_CPU), "load");
    check(litert.CreateCompiledModel(environment, model, options, &compiled), "load");
    check(litert.GetModelSubgraph(model, 0, &graph), "load");
    check(litert.GetNumSubgraphInputs(graph, &input_count), "load");
    check(litert.GetNumSubgraphOutputs(graph, &output_count), "load");
    if (input_count > MAX_TENSORS || output_count > MAX_TENSORS) fail("load", "too many inputs or outputs");
    for (size_t index = 0; index < input_count; index++) {
        check(litert.GetSubgraphInput(graph, index, &tensor), "load");
        check(litert.GetCompiledModelInputBufferRequirements(compiled, 0, index, &requirements), "load");
        input_buffers[index] = prepare(environment, tensor, requirements, &inputs_of_file[index]);
    }
    for (size_t index = 0; index < output_count; index++) {
        check(litert.GetSubgraphOutput(graph, index, &tensor), "load");
        check(litert.GetCompiledModelOutputBufferRequirements(compiled, 0, index, &requirements), "load");
        output_buffers[index] = prepare(environment, tensor, requirements, &outputs_of_file[index]);
    }
    heard();
}

static void feed(size_t index, const struct tensor *given) {
    const struct tensor *wanted = &inputs_of_file[index];
    bool same = wanted->dtype == given->dtype && wanted->rank == given->rank;
    for (uint32_t axis = 0; same && axis < wanted->rank; axis++) same = wanted->dims[axis] == given->dims[axis];
    if (!same) {
        heard();
        char stage[32];
        snprintf(stage, sizeof stage, "input %zu", index);
        fail(stage, "the file takes another dtype or shape");
    }
    void *data;
    check(litert.LockTensorBuffer(input_buffers[index], &data, LOCK_WRITE), "run");
    memcpy(data, given->data, given->bytes);
    check(litert.UnlockTensorBuffer(input_buffers[index]), "run");
}

size_t engine_run(const struct tensor *inputs, size_t count, uint32_t repetitions, struct tensor *outputs,
                  double *seconds) {
    if (!compiled) fail("run", "nothing is loaded");
    if (count != input_count) fail("run", "the file takes %zu inputs, not %zu", input_count, count);
    listen();
    for (uint32_t repetition = 0; repetition < repetitions; repetition++) {
        for (size_t index = 0; index < count; index++) feed(index, &inputs[index]);
        double started = now();
        mark(INFERENCE_BEGINS);
        check(litert.RunCompiledModel(compiled, 0, input_count, input_buffers, output_count, output_buffers), "run");
        mark(INFERENCE_ENDS);
        *seconds = now() - started;
    }
    for (size_t index = 0; index < output_count; index++) {
        void *data;
        outputs[index] = outputs_of_file[index];
        check(litert.LockTensorBuffer(output_buffers[index], &data, LOCK_READ), "run");
        free(outputs_of_file[index].data);
        outputs_of_file[index].data = outputs[index].data = malloc(outputs[index].bytes + 1);
        if (!outputs[index].data) fail("memory", "no room for an output");
        memcpy(outputs[index].data, data, outputs[index].bytes);
        check(litert.UnlockTensorBuffer(output_buffers[index]), "run");
    }
    heard();
    return output_count;
}
