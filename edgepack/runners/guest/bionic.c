// What Android's C library, log and asset manager give a library and glibc does not, or gives in another form.
// Every function `bionic_NAME` stands for Android's NAME; edgepack/runners/bridge.py makes the symbols of that
// name, and forwards whatever is not here to glibc. Sizes and constants are those of bionic's public headers
// for 64-bit machines.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int *bionic___errno(void) { return &errno; }

// stdio. Android's stdin, stdout and stderr are the elements of an array; a pointer into it stands for glibc's.
enum { BIONIC_FILE_SIZE = 152 };
char __sF[3 * BIONIC_FILE_SIZE];

static FILE *stream(FILE *file) {
    size_t offset = (size_t)((char *)file - __sF);
    if (offset >= sizeof __sF) return file;
    return offset == 0 ? stdin : stderr;  // stdout too: whatever a runtime prints is log
}

int bionic_fprintf(FILE *file, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int count = vfprintf(stream(file), format, arguments);
    va_end(arguments);
    return count;
}

int bionic_vfprintf(FILE *file, const char *format, va_list arguments) { return vfprintf(stream(file), format, arguments); }
int bionic_fputc(int c, FILE *file) { return fputc(c, stream(file)); }
int bionic_putc(int c, FILE *file) { return fputc(c, stream(file)); }
int bionic_fputs(const char *text, FILE *file) { return fputs(text, stream(file)); }
int bionic_fgetc(FILE *file) { return fgetc(stream(file)); }
int bionic_getc(FILE *file) { return getc(stream(file)); }
int bionic_ungetc(int c, FILE *file) { return ungetc(c, stream(file)); }
char *bionic_fgets(char *line, int size, FILE *file) { return fgets(line, size, stream(file)); }
int bionic_fflush(FILE *file) { return fflush(file ? stream(file) : NULL); }
int bionic_fileno(FILE *file) { return fileno(stream(file)); }
int bionic_fclose(FILE *file) { return fclose(stream(file)); }
int bionic_feof(FILE *file) { return feof(stream(file)); }
int bionic_ferror(FILE *file) { return ferror(stream(file)); }
int bionic_setvbuf(FILE *file, char *buffer, int mode, size_t size) { return setvbuf(stream(file), buffer, mode, size); }

size_t bionic_fread(void *data, size_t size, size_t count, FILE *file) { return fread(data, size, count, stream(file)); }

size_t bionic_fwrite(const void *data, size_t size, size_t count, FILE *file) {
    return fwrite(data, size, count, stream(file));
}

// sysconf counts its names differently (bionic's sysconf.h).
long bionic_sysconf(int name) {
    switch (name) {
        case 0x06: return sysconf(_SC_CLK_TCK);
        case 0x27:
        case 0x28: return sysconf(_SC_PAGESIZE);
        case 0x60: return sysconf(_SC_NPROCESSORS_CONF);
        case 0x61: return sysconf(_SC_NPROCESSORS_ONLN);
        case 0x62: return sysconf(_SC_PHYS_PAGES);
        case 0x63: return sysconf(_SC_AVPHYS_PAGES);
    }
    fprintf(stderr, "bridge: sysconf(0x%x) is asked for and not known\n", name);
    errno = EINVAL;
    return -1;
}

// glibc's function of this name returns a pointer; Android's is the one of POSIX.
extern int __xpg_strerror_r(int error, char *text, size_t size);
int bionic_strerror_r(int error, char *text, size_t size) { return __xpg_strerror_r(error, text, size); }

size_t bionic___strlen_chk(const char *text, size_t size) {
    size_t length = strlen(text);
    if (length >= size) abort();
    return length;
}

#ifdef __x86_64__
// XNNPACK of tensorflow-lite 2.16.1 asks for 32 bytes on Android, and reads some tables by instructions that need 64:
// those of AVX-512, which servers have and no phone has.
void *bionic_memalign(size_t alignment, size_t size) { return memalign(alignment < 64 ? 64 : alignment, size); }
#endif

// Threads. A mutex has 40 bytes there and 48 in glibc, whose last eight serve lock elision only; glibc's
// initialiser would clear what follows a mutex of Android's.
int bionic_pthread_mutex_init(void *mutex, const pthread_mutexattr_t *attributes) {
    pthread_mutex_t made;
    int error = pthread_mutex_init(&made, attributes);
    if (!error) memcpy(mutex, &made, 40);
    return error;
}

// A condition variable is twelve 32-bit words, aligned to four bytes, on which glibc's 64-bit atomics trap.
// This one counts wake-ups in its first word, sleeps until the count moves, and ignores the other eleven.
// The clock to wait by is chosen when it is made, and kept in the second word.
struct condition {
    _Atomic uint32_t wakeups;
    uint32_t monotonic;
};

static int wait_for_wakeup(struct condition *condition, pthread_mutex_t *mutex, const struct timespec *until) {
    uint32_t seen = condition->wakeups;
    int operation = FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG | (condition->monotonic ? 0 : FUTEX_CLOCK_REALTIME);
    pthread_mutex_unlock(mutex);
    long outcome = syscall(SYS_futex, &condition->wakeups, operation, seen, until, NULL, FUTEX_BITSET_MATCH_ANY);
    bool timed_out = outcome != 0 && errno == ETIMEDOUT;
    pthread_mutex_lock(mutex);
    return timed_out ? ETIMEDOUT : 0;
}

static int wake(struct condition *condition, int count) {
    condition->wakeups++;
    syscall(SYS_futex, &condition->wakeups, FUTEX_WAKE_PRIVATE, count);
    return 0;
}

// Android's attribute is one word: bit 1 says that the clock is the monotonic one.
int bionic_pthread_condattr_init(long *attributes) { return *attributes = 0; }
int bionic_pthread_condattr_destroy(long *attributes) { return (void)attributes, 0; }
int bionic_pthread_condattr_setclock(long *attributes, clockid_t clock) {
    *attributes = clock == CLOCK_MONOTONIC ? 2 : 0;
    return 0;
}

int bionic_pthread_cond_init(struct condition *condition, const long *attributes) {
    *condition = (struct condition){.monotonic = attributes && *attributes & 2};
    return 0;
}

int bionic_pthread_cond_destroy(struct condition *condition) { return (void)condition, 0; }
int bionic_pthread_cond_signal(struct condition *condition) { return wake(condition, 1); }
int bionic_pthread_cond_broadcast(struct condition *condition) { return wake(condition, INT32_MAX); }

int bionic_pthread_cond_wait(struct condition *condition, pthread_mutex_t *mutex) {
    return wait_for_wakeup(condition, mutex, NULL);
}

int bionic_pthread_cond_timedwait(struct condition *condition, pthread_mutex_t *mutex, const struct timespec *until) {
    return wait_for_wakeup(condition, mutex, until);
}

// glibc links pthread_atfork into every program instead of exporting it.
extern int __register_atfork(void (*before)(void), void (*parent)(void), void (*child)(void), void *library);
int bionic_pthread_atfork(void (*before)(void), void (*parent)(void), void (*child)(void)) {
    return __register_atfork(before, parent, child, NULL);
}

// System properties: a phone of Android 14. Below 20, or without an answer, TFLite's Java API silently leaves
// XNNPACK off.
int bionic___system_property_get(const char *name, char *value) {
    strcpy(value, strcmp(name, "ro.build.version.sdk") ? "" : "34");
    return (int)strlen(value);
}

// Android's log goes to the guest's own.
int bionic___android_log_vprint(int priority, const char *tag, const char *format, va_list arguments) {
    fprintf(stderr, "[%d %s] ", priority, tag);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    return 1;
}

int bionic___android_log_print(int priority, const char *tag, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    bionic___android_log_vprint(priority, tag, format, arguments);
    va_end(arguments);
    return 1;
}

int bionic___android_log_write(int priority, const char *tag, const char *text) {
    return bionic___android_log_print(priority, tag, "%s", text);
}

void bionic___android_log_assert(const char *condition, const char *tag, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (format)
        bionic___android_log_vprint(7, tag, format, arguments);
    else
        fprintf(stderr, "[7 %s] assertion failed: %s\n", tag, condition);
    abort();
}

void bionic_android_set_abort_message(const char *message) { fprintf(stderr, "abort: %s\n", message); }

// There is no application here, hence no assets.
void *bionic_AAssetManager_fromJava(void *environment, void *object) { return (void)environment, (void)object, NULL; }
void *bionic_AAssetManager_open(void *manager, const char *name, int mode) {
    return (void)manager, (void)name, (void)mode, NULL;
}
const void *bionic_AAsset_getBuffer(void *asset) { return (void)asset, NULL; }
long bionic_AAsset_getLength(void *asset) { return (void)asset, 0; }
void bionic_AAsset_close(void *asset) { (void)asset; }
