// The engine for .ptl files by way of Java: org.pytorch.LiteModuleLoader and Module, as apps call them.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jvm.h"

#define IVALUE "Lorg/pytorch/IValue;"
#define TENSOR "Lorg/pytorch/Tensor;"

// How Java names a dtype, sees a buffer as one, makes a tensor of that, and gives a tensor's values.
static const struct form {
    const char *name;
    uint32_t dtype;
    const char *view, *view_signature, *maker, *maker_signature, *getter, *getter_signature;
} forms[] = {
    {"FLOAT32", FLOAT32, "asFloatBuffer", "()Ljava/nio/FloatBuffer;", "fromBlob", "(Ljava/nio/FloatBuffer;[J)" TENSOR,
     "getDataAsFloatArray", "()[F"},
    {"FLOAT64", FLOAT64, "asDoubleBuffer", "()Ljava/nio/DoubleBuffer;", "fromBlob",
     "(Ljava/nio/DoubleBuffer;[J)" TENSOR, "getDataAsDoubleArray", "()[D"},
    {"INT64", INT64, "asLongBuffer", "()Ljava/nio/LongBuffer;", "fromBlob", "(Ljava/nio/LongBuffer;[J)" TENSOR,
     "getDataAsLongArray", "()[J"},
    {"INT32", INT32, "asIntBuffer", "()Ljava/nio/IntBuffer;", "fromBlob", "(Ljava/nio/IntBuffer;[J)" TENSOR,
     "getDataAsIntArray", "()[I"},
    {"INT8", INT8, NULL, NULL, "fromBlob", "(Ljava/nio/ByteBuffer;[J)" TENSOR, "getDataAsByteArray", "()[B"},
    {"UINT8", UINT8, NULL, NULL, "fromBlobUnsigned", "(Ljava/nio/ByteBuffer;[J)" TENSOR, "getDataAsUnsignedByteArray",
     "()[B"},
};  // org.pytorch.DType and org.pytorch.Tensor
static jobject module;

void engine_load(const char *path, int threads) {
    (void)threads;  // guests have one
    java_start();
    module = java_call_static("load", "org/pytorch/LiteModuleLoader", "load",
                              "(Ljava/lang/String;)Lorg/pytorch/Module;", java_text(path));
}

static jobject make_input(size_t index, const struct tensor *given) {
    const struct form *form = forms;
    while (form < forms + sizeof forms / sizeof *forms && form->dtype != given->dtype) form++;
    if (form == forms + sizeof forms / sizeof *forms)
        fail("input", "the Java API has no tensors of input %zu's dtype", index);
    jobject buffer = java_buffer("input", given->data, given->bytes);
    if (form->view) buffer = java_call("input", buffer, form->view, form->view_signature);
    jlongArray shape = (*java)->NewLongArray(java, (jsize)given->rank);
    jlong dims[MAX_RANK];
    for (uint32_t axis = 0; axis < given->rank; axis++) dims[axis] = given->dims[axis];
    (*java)->SetLongArrayRegion(java, shape, 0, (jsize)given->rank, dims);
    jobject tensor =
        java_call_static("input", "org/pytorch/Tensor", form->maker, form->maker_signature, buffer, shape);
    return java_call_static("input", "org/pytorch/IValue", "from", "(" TENSOR ")" IVALUE, tensor);
}

static void copy_tensor(jobject tensor, struct tensor *to) {
    char name[32];
    java_name("output", java_call("output", tensor, "dtype", "()Lorg/pytorch/DType;"), name, sizeof name);
    const struct form *form = forms;
    while (form < forms + sizeof forms / sizeof *forms && strcmp(form->name, name)) form++;
    if (form == forms + sizeof forms / sizeof *forms) fail("output", "a tensor of the type %s", name);
    jlongArray shape = java_call("output", tensor, "shape", "()[J");
    jarray values = java_call("output", tensor, form->getter, form->getter_signature);
    free(to->data);
    *to = (struct tensor){.dtype = form->dtype, .rank = (uint32_t)(*java)->GetArrayLength(java, shape)};
    if (to->rank > MAX_RANK) fail("output", "a tensor of rank %u", to->rank);
    jlong dims[MAX_RANK];
    (*java)->GetLongArrayRegion(java, shape, 0, (jsize)to->rank, dims);
    for (uint32_t axis = 0; axis < to->rank; axis++) to->dims[axis] = dims[axis];
    to->bytes = (uint64_t)(*java)->GetArrayLength(java, values) * element_size(to->dtype);
    if (!(to->data = malloc(to->bytes + 1))) fail("memory", "no room for an output");
    void *from = (*java)->GetPrimitiveArrayCritical(java, values, NULL);
    memcpy(to->data, from, to->bytes);
    (*java)->ReleasePrimitiveArrayCritical(java, values, from, JNI_ABORT);
}

static int is(jobject value, const char *question) {
    return (int)java_call_number("output", value, question, "()Z");
}

static size_t flatten(jobject value, struct tensor *outputs, size_t count);

// Java's maps have no order of their own; the names of the outputs give it.
static size_t flatten_map(jobject map, struct tensor *outputs, size_t count) {
    size_t entries = (size_t)java_call_number("output", map, "size", "()I");
    for (size_t index = 0; index < entries; index++) {
        const char *name = output_name(count);
        jobject value = NULL;
        if (name) value = java_call("output", map, "get", "(Ljava/lang/Object;)Ljava/lang/Object;", java_text(name));
        if (!value) fail("output", "the dictionary has no entry %s", name ? name : "that is an output's name");
        count = flatten(value, outputs, count);
    }
    return count;
}

// Copies all tensors within a value, in order, and gives how many there are now.
static size_t flatten(jobject value, struct tensor *outputs, size_t count) {
    if (count >= MAX_TENSORS) fail("run", "more than %d outputs", MAX_TENSORS);
    if (is(value, "isTensor")) {
        copy_tensor(java_call("output", value, "toTensor", "()" TENSOR), &outputs[count]);
        return count + 1;
    }
    jobjectArray parts = NULL;
    if (is(value, "isTuple")) parts = java_call("output", value, "toTuple", "()[" IVALUE);
    if (is(value, "isList")) parts = java_call("output", value, "toList", "()[" IVALUE);
    if (is(value, "isTensorList")) {
        jobjectArray tensors = java_call("output", value, "toTensorList", "()[" TENSOR);
        for (jsize index = 0; index < (*java)->GetArrayLength(java, tensors); index++, count++) {
            if (count >= MAX_TENSORS) fail("run", "more than %d outputs", MAX_TENSORS);
            copy_tensor((*java)->GetObjectArrayElement(java, tensors, index), &outputs[count]);
        }
        return count;
    }
    if (is(value, "isDictStringKey"))
        return flatten_map(java_call("output", value, "toDictStringKey", "()Ljava/util/Map;"), outputs, count);
    if (!parts) fail("output", "Java gives neither a tensor nor a collection of tensors");
    for (jsize index = 0; index < (*java)->GetArrayLength(java, parts); index++)
        count = flatten((*java)->GetObjectArrayElement(java, parts, index), outputs, count);
    return count;
}

size_t engine_run(const struct tensor *inputs, size_t count, uint32_t repetitions, struct tensor *outputs,
                  double *seconds) {
    if (!module) fail("run", "nothing is loaded");
    jobjectArray given =
        (*java)->NewObjectArray(java, (jsize)count, (*java)->FindClass(java, "org/pytorch/IValue"), NULL);
    for (size_t index = 0; index < count; index++)
        (*java)->SetObjectArrayElement(java, given, (jsize)index, make_input(index, &inputs[index]));
    jobject answer = NULL;
    for (uint32_t repetition = 0; repetition < repetitions; repetition++) {
        double started = now();
        answer = java_call("run", module, "forward", "([" IVALUE ")" IVALUE, given);
        *seconds = now() - started;
    }
    return flatten(answer, outputs, 0);
}
