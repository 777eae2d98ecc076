// Starts a Java virtual machine and calls it; see jvm.h.
//
// The machine's library is opened apart from everything else: it brings parts of a C++ runtime, and Android's
// libraries bring another.
#define _GNU_SOURCE
#include "jvm.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

JNIEnv *java;
static const char *machine_path, *class_path, *library_path;

void engine_start(int argc, char **argv) {
    if (argc != 3) fail("runtime", "three arguments are needed: the virtual machine, its classes, its libraries");
    machine_path = argv[0];
    class_path = argv[1];
    library_path = argv[2];
}

const char *engine_release(void) { return ""; }

static char *join(const char *head, const char *tail) {
    char *made;
    if (asprintf(&made, "%s%s", head, tail) < 0) fail("memory", "no room for an option");
    return made;
}

void java_start(void) {
    void *library = dlopen(machine_path, RTLD_NOW | RTLD_LOCAL);
    if (!library) fail("runtime", "%s", dlerror());
    jint (*create)(JavaVM **, void **, void *) = (jint(*)(JavaVM **, void **, void *))dlsym(library, "JNI_CreateJavaVM");
    if (!create) fail("runtime", "%s", dlerror());
    JavaVMOption options[] = {
        {.optionString = join("-Djava.class.path=", class_path)},
        {.optionString = join("-Djava.library.path=", library_path)},
        // Starting is most of what a job waits for; little Java is run often enough to be compiled well.
        {.optionString = "-XX:TieredStopAtLevel=1"},
        {.optionString = "-XX:+UseSerialGC"},
        {.optionString = "-XX:-UsePerfData"},
        {.optionString = "-XX:+DisableAttachMechanism"},
        {.optionString = "-XX:ErrorFile=/dev/stderr"},
    };
    JavaVMInitArgs arguments = {JNI_VERSION_1_8, sizeof options / sizeof *options, options, JNI_FALSE};
    JavaVM *machine;
    if (create(&machine, (void **)&java, &arguments)) fail("runtime", "the Java virtual machine does not start");
}

void java_copy_text(jstring from, char *to, size_t size) {
    const char *text = from ? (*java)->GetStringUTFChars(java, from, NULL) : NULL;
    snprintf(to, size, "%s", text ? text : "(nothing)");
    if (text) (*java)->ReleaseStringUTFChars(java, from, text);
}

// Ends the job with the words of an exception, if there is one.
static void check(const char *stage) {
    jthrowable thrown = (*java)->ExceptionOccurred(java);
    if (!thrown) return;
    (*java)->ExceptionDescribe(java);  // the stack goes to the log
    jclass type = (*java)->GetObjectClass(java, thrown);
    jmethodID describe = (*java)->GetMethodID(java, type, "toString", "()Ljava/lang/String;");
    char words[2048];
    java_copy_text((*java)->CallObjectMethod(java, thrown, describe), words, sizeof words);
    fail(stage, "%s", words);
}

static jclass find_class(const char *stage, const char *type) {
    jclass found = (*java)->FindClass(java, type);
    check(stage);
    return found;
}

static jmethodID find_method(const char *stage, jobject target, const char *name, const char *signature) {
    if (!target) fail(stage, "Java gave nothing to call %s of", name);
    jmethodID found = (*java)->GetMethodID(java, (*java)->GetObjectClass(java, target), name, signature);
    check(stage);
    return found;
}

jobject java_call(const char *stage, jobject target, const char *name, const char *signature, ...) {
    jmethodID method = find_method(stage, target, name, signature);
    va_list arguments;
    va_start(arguments, signature);
    jobject answer = NULL;
    if (strstr(signature, ")V"))
        (*java)->CallVoidMethodV(java, target, method, arguments);
    else
        answer = (*java)->CallObjectMethodV(java, target, method, arguments);
    va_end(arguments);
    check(stage);
    return answer;
}

int64_t java_call_number(const char *stage, jobject target, const char *name, const char *signature, ...) {
    jmethodID method = find_method(stage, target, name, signature);
    va_list arguments;
    va_start(arguments, signature);
    int64_t answer;
    if (strstr(signature, ")Z"))
        answer = (*java)->CallBooleanMethodV(java, target, method, arguments);
    else
        answer = (*java)->CallIntMethodV(java, target, method, arguments);
    va_end(arguments);
    check(stage);
    return answer;
}

jobject java_call_static(const char *stage, const char *type, const char *name, const char *signature, ...) {
    jclass owner = find_class(stage, type);
    jmethodID method = (*java)->GetStaticMethodID(java, owner, name, signature);
    check(stage);
    va_list arguments;
    va_start(arguments, signature);
    jobject answer = (*java)->CallStaticObjectMethodV(java, owner, method, arguments);
    va_end(arguments);
    check(stage);
    return answer;
}

jobject java_new(const char *stage, const char *type, const char *signature, ...) {
    jclass made = find_class(stage, type);
    jmethodID constructor = (*java)->GetMethodID(java, made, "<init>", signature);
    check(stage);
    va_list arguments;
    va_start(arguments, signature);
    jobject object = (*java)->NewObjectV(java, made, constructor, arguments);
    va_end(arguments);
    check(stage);
    return object;
}

jobject java_text(const char *text) { return (*java)->NewStringUTF(java, text); }

jobject java_buffer(const char *stage, void *data, size_t size) {
    jobject buffer = (*java)->NewDirectByteBuffer(java, data, (jlong)size);
    jobject order = java_call_static(stage, "java/nio/ByteOrder", "nativeOrder", "()Ljava/nio/ByteOrder;");
    return java_call(stage, buffer, "order", "(Ljava/nio/ByteOrder;)Ljava/nio/ByteBuffer;", order);
}

void java_name(const char *stage, jobject constant, char *to, size_t size) {
    java_copy_text(java_call(stage, constant, "name", "()Ljava/lang/String;"), to, size);
}
