// The engine for .tflite files by way of Java: org.tensorflow.lite.Interpreter with its defaults, as apps call it.
#include <stdlib.h>
#include <string.h>

#include "jvm.h"

#define TENSOR "Lorg/tensorflow/lite/Tensor;"
#define OPTIONS "Lorg/tensorflow/lite/InterpreterApi$Options;"

static const struct {
    const char *name;
    uint32_t dtype;
} dtypes[] = {{"FLOAT32", FLOAT32}, {"INT32", INT32}, {"UINT8", UINT8}, {"INT64", INT64},
              {"BOOL", BOOL},       {"INT16", INT16}, {"INT8", INT8}};  // org.tensorflow.lite.DataType
static jobject interpreter;

void engine_load(const char *path, int threads) {
    java_start();
    jobject file = java_new("load", "java/io/File", "(Ljava/lang/String;)V", java_text(path));
    jobject options = java_new("load", "org/tensorflow/lite/Interpreter$Options", "()V");
    java_call("load", options, "setNumThreads", "(I)Lorg/tensorflow/lite/Interpreter$Options;", threads);
    interpreter = java_new("load", "org/tensorflow/lite/Interpreter",
                           "(Ljava/io/File;Lorg/tensorflow/lite/Interpreter$Options;)V", file, options);
}

static struct tensor describe(const char *stage, jobject tensor) {
    char name[32];
    java_name(stage, java_call(stage, tensor, "dataType", "()Lorg/tensorflow/lite/DataType;"), name, sizeof name);
    struct tensor found = {.bytes = (uint64_t)java_call_number(stage, tensor, "numBytes", "()I")};
    for (size_t index = 0; index < sizeof dtypes / sizeof *dtypes; index++)
        if (!strcmp(dtypes[index].name, name)) found.dtype = dtypes[index].dtype;
    if (!found.dtype) fail(stage, "a tensor of the type %s", name);
    jintArray shape = java_call(stage, tensor, "shape", "()[I");
    found.rank = (uint32_t)(*java)->GetArrayLength(java, shape);
    if (found.rank > MAX_RANK) fail(stage, "a tensor of rank %u", found.rank);
    jint dims[MAX_RANK];
    (*java)->GetIntArrayRegion(java, shape, 0, (jsize)found.rank, dims);
    for (uint32_t axis = 0; axis < found.rank; axis++) found.dims[axis] = dims[axis];
    return found;
}

// Java looks at an input's size only.
static void check_input(int index, const struct tensor *given) {
    jobject tensor = java_call("input", interpreter, "getInputTensor", "(I)" TENSOR, index);
    struct tensor wanted = describe("input", tensor);
    int same = wanted.dtype == given->dtype && wanted.rank == given->rank;
    if (!same || memcmp(wanted.dims, given->dims, wanted.rank * sizeof *wanted.dims))
        fail("input", "the file takes another dtype or shape for input %d", index);
}

size_t engine_run(const struct tensor *inputs, size_t count, uint32_t repetitions, struct tensor *outputs,
                  double *seconds) {
    if (!interpreter) fail("run", "nothing is loaded");
    int64_t wanted = java_call_number("run", interpreter, "getInputTensorCount", "()I");
    if ((size_t)wanted != count) fail("run", "the file takes %d inputs, not %zu", (int)wanted, count);
    jobjectArray given =
        (*java)->NewObjectArray(java, (jsize)count, (*java)->FindClass(java, "java/lang/Object"), NULL);
    for (size_t index = 0; index < count; index++) {
        check_input((int)index, &inputs[index]);
        jobject buffer = java_buffer("input", inputs[index].data, inputs[index].bytes);
        (*java)->SetObjectArrayElement(java, given, (jsize)index, buffer);
    }
    size_t made = (size_t)java_call_number("run", interpreter, "getOutputTensorCount", "()I");
    if (made > MAX_TENSORS) fail("run", "%zu outputs; %d is the most", made, MAX_TENSORS);
    jobject wanted_outputs = java_new("run", "java/util/HashMap", "()V");
    for (size_t index = 0; index < made; index++) {
        jobject tensor = java_call("output", interpreter, "getOutputTensor", "(I)" TENSOR, (int)index);
        free(outputs[index].data);
        outputs[index] = describe("output", tensor);
        if (!(outputs[index].data = malloc(outputs[index].bytes + 1))) fail("memory", "no room for an output");
        jobject key = java_call_static("run", "java/lang/Integer", "valueOf", "(I)Ljava/lang/Integer;", (int)index);
        java_call("run", wanted_outputs, "put", "(Ljava/lang/Object;Ljava/lang/Object;)Ljava/lang/Object;", key,
                  java_buffer("output", outputs[index].data, outputs[index].bytes));
    }
    for (uint32_t repetition = 0; repetition < repetitions; repetition++) {
        // A run leaves its buffers read to their ends.
        for (size_t index = 0; index < count; index++)
            java_call("run", (*java)->GetObjectArrayElement(java, given, (jsize)index), "rewind",
                      "()Ljava/nio/ByteBuffer;");
        double started = now();
        java_call("run", interpreter, "runForMultipleInputsOutputs", "([Ljava/lang/Object;Ljava/util/Map;)V", given,
                  wanted_outputs);
        *seconds = now() - started;
    }
    return made;
}
