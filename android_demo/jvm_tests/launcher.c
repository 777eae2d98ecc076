// Starts a Java virtual machine that Android's native libraries can be loaded into: launcher LIBJVM OPTION... -- CLASS
// ARGUMENT... The stock `java` brings the machine's C++ runtime into the scope that all libraries are bound in, and
// Android's, which have one of their own, then die on the first C++ exception. Here it stays out of their sight.
#include <dlfcn.h>
#include <jni.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_OPTIONS = 64, STACK_BYTES = 8 << 20 };

typedef jint (*Create)(JavaVM **, void **, void *);

static char **words;  // of the command line, after the program's name
static int count;

static void fail(const char *reason) {
    fprintf(stderr, "launcher: %s\n", reason);
    exit(125);
}

static void check(JNIEnv *env) {
    if (!(*env)->ExceptionCheck(env)) return;
    (*env)->ExceptionDescribe(env);
    exit(1);
}

static void call_main(JNIEnv *env, const char *name, char **arguments, int length) {
    jclass class = (*env)->FindClass(env, name);
    check(env);
    jmethodID method = (*env)->GetStaticMethodID(env, class, "main", "([Ljava/lang/String;)V");
    check(env);
    jobjectArray array = (*env)->NewObjectArray(env, length, (*env)->FindClass(env, "java/lang/String"), NULL);
    for (int at = 0; at < length; at++)
        (*env)->SetObjectArrayElement(env, array, at, (*env)->NewStringUTF(env, arguments[at]));
    (*env)->CallStaticVoidMethod(env, class, method, array);
    check(env);
}

static void *run(void *unused) {
    void *library = dlopen(words[0], RTLD_NOW | RTLD_LOCAL);
    if (!library) fail(dlerror());
    Create create = (Create)dlsym(library, "JNI_CreateJavaVM");
    if (!create) fail(dlerror());
    JavaVMOption options[MOST_OPTIONS];
    int at = 1;
    for (; at < count && strcmp(words[at], "--"); at++) {
        if (at > MOST_OPTIONS) fail("too many options");
        options[at - 1] = (JavaVMOption){.optionString = words[at]};
    }
    if (count - at < 2) fail("there is no class to start");
    JavaVMInitArgs arguments = {JNI_VERSION_10, at - 1, options, JNI_FALSE};
    JavaVM *machine;
    JNIEnv *env;
    if (create(&machine, (void **)&env, &arguments)) fail("the Java virtual machine does not start");
    call_main(env, words[at + 1], words + at + 2, count - at - 2);
    (*machine)->DestroyJavaVM(machine);
    return unused;
}

int main(int argc, char **argv) {
    if (argc < 2) fail("there is no Java virtual machine to start");
    words = argv + 1;
    count = argc - 1;
    // As Java's own launcher does: on the process's first thread, the machine cannot guard the stack's end.
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (pthread_create(&thread, &attributes, run, NULL)) fail("there is no thread to be had");
    pthread_join(thread, NULL);
    return 0;
}
