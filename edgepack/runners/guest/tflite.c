// The engine for .tflite files: TFLite's C API, found by name in the library that the first argument names.
// https://www.tensorflow.org/lite/api_docs/c documents the functions; only what is used is declared here.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

typedef struct TfLiteModel TfLiteModel;
typedef struct TfLiteInterpreter TfLiteInterpreter;
typedef struct TfLiteInterpreterOptions TfLiteInterpreterOptions;
typedef struct TfLiteTensor TfLiteTensor;
typedef struct TfLiteDelegate TfLiteDelegate;

// The first member is the same in all releases; later members come and go. A struct this large is returned in
// memory that the caller provides, so it need only be large enough for any release.
typedef struct {
    int32_t num_threads;
    char further[508];
} TfLiteXNNPackDelegateOptions;

// name, return type, parameters: one line per function that is used
#define API(DO)                                                                                               \
    DO(Version, const char *, (void))                                                                         \
    DO(ModelCreateFromFile, TfLiteModel *, (const char *))                                                    \
    DO(InterpreterOptionsCreate, TfLiteInterpreterOptions *, (void))                                          \
    DO(InterpreterOptionsSetNumThreads, void, (TfLiteInterpreterOptions *, int32_t))                          \
    DO(InterpreterOptionsSetErrorReporter, void,                                                              \
       (TfLiteInterpreterOptions *, void (*)(void *, const char *, va_list), void *))                         \
    DO(InterpreterOptionsAddDelegate, void, (TfLiteInterpreterOptions *, TfLiteDelegate *))                   \
    DO(InterpreterCreate, TfLiteInterpreter *, (const TfLiteModel *, const TfLiteInterpreterOptions *))       \
    DO(InterpreterAllocateTensors, int, (TfLiteInterpreter *))                                                \
    DO(InterpreterInvoke, int, (TfLiteInterpreter *))                                                         \
    DO(InterpreterGetInputTensorCount, int32_t, (const TfLiteInterpreter *))                                  \
    DO(InterpreterGetInputTensor, TfLiteTensor *, (const TfLiteInterpreter *, int32_t))                       \
    DO(InterpreterGetOutputTensorCount, int32_t, (const TfLiteInterpreter *))                                 \
    DO(InterpreterGetOutputTensor, const TfLiteTensor *, (const TfLiteInterpreter *, int32_t))                \
    DO(TensorType, int, (const TfLiteTensor *))                                                               \
    DO(TensorNumDims, int32_t, (const TfLiteTensor *))                                                        \
    DO(TensorDim, int32_t, (const TfLiteTensor *, int32_t))                                                   \
    DO(TensorByteSize, size_t, (const TfLiteTensor *))                                                        \
    DO(TensorData, void *, (const TfLiteTensor *))                                                            \
    DO(TensorCopyFromBuffer, int, (TfLiteTensor *, const void *, size_t))                                     \
    DO(XNNPackDelegateOptionsDefault, TfLiteXNNPackDelegateOptions, (void))                                   \
    DO(XNNPackDelegateCreate, TfLiteDelegate *, (const TfLiteXNNPackDelegateOptions *))

static struct {
#define MEMBER(name, type, parameters) type(*name) parameters;
    API(MEMBER)
} tflite;

static const uint32_t dtypes[] = {[1] = FLOAT32, [2] = INT32, [3] = UINT8,    [4] = INT64,   [6] = BOOL,
                                  [7] = INT16,   [9] = INT8,  [10] = FLOAT16, [11] = FLOAT64};  // by TfLiteType
static TfLiteInterpreter *interpreter;
static char said[2048];  // what the runtime has reported since the job began

void engine_start(int argc, char **argv) {
    if (argc != 1) fail("runtime", "one argument is needed: the library");
    void *library = dlopen(argv[0], RTLD_NOW);
    if (!library) fail("runtime", "%s", dlerror());
#define FIND(name, type, parameters)                                                     \
    if (!(tflite.name = (type(*) parameters)dlsym(library, "TfLite" #name))) \
        fail("runtime", "the library has no TfLite" #name);
    API(FIND)
}

const char *engine_release(void) { return tflite.Version(); }

static void listen_to(void *unused, const char *format, va_list arguments) {
    (void)unused;
    size_t length = strlen(said);
    if (length) length += (size_t)snprintf(said + length, sizeof said - length, "; ");
    if (length < sizeof said) vsnprintf(said + length, sizeof said - length, format, arguments);
}

static const char *words(const char *otherwise) { return *said ? said : otherwise; }

static TfLiteInterpreter *create(const TfLiteModel *model, int threads, TfLiteDelegate *delegate) {
    TfLiteInterpreterOptions *options = tflite.InterpreterOptionsCreate();
    tflite.InterpreterOptionsSetNumThreads(options, threads);
    tflite.InterpreterOptionsSetErrorReporter(options, listen_to, NULL);
    if (delegate) tflite.InterpreterOptionsAddDelegate(options, delegate);
    return tflite.InterpreterCreate(model, options);
}

void engine_load(const char *path, int threads) {
    TfLiteModel *model = tflite.ModelCreateFromFile(path);
    if (!model) fail("load", "not a .tflite file that this runtime can read");
    // Apps call TFLite through Java, which adds this delegate by default; the C API leaves it off.
    TfLiteXNNPackDelegateOptions xnnpack = tflite.XNNPackDelegateOptionsDefault();
    if (threads > 1) xnnpack.num_threads = threads;
    TfLiteDelegate *delegate = tflite.XNNPackDelegateCreate(&xnnpack);
    if (!delegate) fail("load", "XNNPACK cannot be had on this processor");
    interpreter = create(model, threads, delegate);
    // Where the delegate cannot be applied, Java goes on with the runtime's own kernels; the C API gives no
    // interpreter. In 2.16.1 that is so where it cannot prepare operators that it took, such as 16-bit ones, and,
    // without a word, where a run decides the size of tensors.
    if (!interpreter) {
        fprintf(stderr, "XNNPACK is left off: %s\n", said);
        *said = 0;
        interpreter = create(model, threads, NULL);
    }
    if (!interpreter) fail("load", "%s", words("the runtime refuses the file"));
    if (tflite.InterpreterAllocateTensors(interpreter)) fail("load", "%s", words("no room for the tensors"));
}

static struct tensor describe(const TfLiteTensor *tensor, const char *stage) {
    int type = tflite.TensorType(tensor);
    struct tensor found = {.rank = (uint32_t)tflite.TensorNumDims(tensor), .bytes = tflite.TensorByteSize(tensor)};
    if (type >= 0 && (size_t)type < sizeof dtypes / sizeof *dtypes) found.dtype = dtypes[type];
    if (!found.dtype) fail(stage, "a tensor of TfLiteType %d", type);
    if (found.rank > MAX_RANK) fail(stage, "a tensor of rank %u", found.rank);
    for (uint32_t axis = 0; axis < found.rank; axis++) found.dims[axis] = tflite.TensorDim(tensor, (int32_t)axis);
    found.data = tflite.TensorData(tensor);
    return found;
}

static void feed(int32_t index, const struct tensor *given) {
    char stage[32];
    snprintf(stage, sizeof stage, "input %d", index);
    TfLiteTensor *wanted = tflite.InterpreterGetInputTensor(interpreter, index);
    struct tensor has = describe(wanted, stage);
    bool same = has.dtype == given->dtype && has.rank == given->rank;
    for (uint32_t axis = 0; same && axis < has.rank; axis++) same = has.dims[axis] == given->dims[axis];
    if (!same) fail(stage, "the file takes another dtype or shape");
    if (tflite.TensorCopyFromBuffer(wanted, given->data, given->bytes)) fail(stage, "%s", words("refused"));
}

size_t engine_run(const struct tensor *inputs, size_t count, uint32_t repetitions, struct tensor *outputs,
                  double *seconds) {
    if (!interpreter) fail("run", "nothing is loaded");
    int32_t wanted = tflite.InterpreterGetInputTensorCount(interpreter);
    if ((size_t)wanted != count) fail("run", "the file takes %d inputs, not %zu", wanted, count);
    for (uint32_t repetition = 0; repetition < repetitions; repetition++) {
        // Fed every time: the runtime may use an input's memory for something else once it has been read.
        for (int32_t index = 0; index < wanted; index++) feed(index, &inputs[index]);
        double started = now();
        mark(INFERENCE_BEGINS);
        if (tflite.InterpreterInvoke(interpreter)) fail("run", "%s", words("the runtime gave no reason"));
        mark(INFERENCE_ENDS);
        *seconds = now() - started;
    }
    int32_t made = tflite.InterpreterGetOutputTensorCount(interpreter);
    if (made > MAX_TENSORS) fail("run", "%d outputs; %d is the most", made, MAX_TENSORS);
    for (int32_t index = 0; index < made; index++)
        outputs[index] = describe(tflite.InterpreterGetOutputTensor(interpreter, index), "output");
    return (size_t)made;
}
