// A Java virtual machine in a guest: what an engine needs to call a runtime through its Java classes, as apps do.
// All functions that call into Java `fail` with the exception's own words when one is thrown.
#ifndef EDGEPACK_JVM_H
#define EDGEPACK_JVM_H
#include <jni.h>
#include <stddef.h>

#include "engine.h"

extern JNIEnv *java;

// Starts the virtual machine in the job's process, which has forked already: it brings threads of its own.
void java_start(void);

// Calls a method of an object; `signature` is that of the JNI specification, chapter 3.
jobject java_call(const char *stage, jobject target, const char *name, const char *signature, ...);
int64_t java_call_number(const char *stage, jobject target, const char *name, const char *signature, ...);
jobject java_call_static(const char *stage, const char *type, const char *name, const char *signature, ...);
jobject java_new(const char *stage, const char *type, const char *signature, ...);
jobject java_text(const char *text);

// Makes a direct buffer over memory that stays alive, in the processor's byte order.
jobject java_buffer(const char *stage, void *data, size_t size);

// Copies the text of a string, or the name of a constant of an enumeration.
void java_copy_text(jstring from, char *to, size_t size);
void java_name(const char *stage, jobject constant, char *to, size_t size);
#endif
