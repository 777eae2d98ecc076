// The server of a guest program: one process that has started a runtime, and a fork of it for every job.
// protocol.h says what is spoken, engine.h what the runtime must offer.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"

#define MAX_JOBS 64

struct frame {
    uint32_t magic;
    uint32_t kind;
    uint64_t length;
};

// A growing payload, on the way out.
struct writer {
    char *data;
    size_t size, capacity;
};

// A payload that came in, and how far it has been read.
struct reader {
    char *data;
    size_t size, position;
};

struct job {
    pid_t pid;
    int socket;
    int alive;  // the job holds the other end of this pipe; it hangs up when the job is gone
};

static int job_socket = -1;  // in a job's process: where its answers go
static const char *output_names[MAX_TENSORS];

double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void mark(enum mark which) { getpriority((__priority_which_t)(0x7700 + which), 0); }

size_t element_size(uint32_t dtype) {
    static const size_t sizes[] = {[FLOAT32] = 4, [FLOAT16] = 2, [FLOAT64] = 8, [INT8] = 1, [UINT8] = 1,
                                   [INT16] = 2,   [INT32] = 4,   [INT64] = 8,   [BOOL] = 1};
    return dtype < sizeof sizes / sizeof *sizes ? sizes[dtype] : 0;
}

static bool write_all(int socket, const void *data, size_t size) {
    const char *at = data;
    while (size) {
        ssize_t count = send(socket, at, size, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        at += count;
        size -= (size_t)count;
    }
    return true;
}

static bool read_all(int socket, void *data, size_t size) {
    char *at = data;
    while (size) {
        ssize_t count = recv(socket, at, size, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        at += count;
        size -= (size_t)count;
    }
    return true;
}

static bool send_frame(int socket, uint32_t kind, const struct writer *payload) {
    struct frame frame = {PROTOCOL_MAGIC, kind, payload->size};
    return write_all(socket, &frame, sizeof frame) && write_all(socket, payload->data, payload->size);
}

static void put(struct writer *writer, const void *data, size_t size) {
    if (writer->size + size > writer->capacity) {
        size_t capacity = (writer->size + size) * 2;
        char *grown = realloc(writer->data, capacity);
        if (!grown) _exit(12);  // the host sees a job that ended without an answer
        writer->data = grown;
        writer->capacity = capacity;
    }
    memcpy(writer->data + writer->size, data, size);
    writer->size += size;
}

static void put_u32(struct writer *writer, uint32_t value) { put(writer, &value, sizeof value); }
static void put_u64(struct writer *writer, uint64_t value) { put(writer, &value, sizeof value); }
static void put_double(struct writer *writer, double value) { put(writer, &value, sizeof value); }

static void put_text(struct writer *writer, const char *text) {
    put_u32(writer, (uint32_t)strlen(text));
    put(writer, text, strlen(text));
}

EDGEPACK_NORETURN void fail(const char *stage, const char *format, ...) {
    char reason[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    if (job_socket < 0) {
        fprintf(stderr, "%s: %s\n", stage, reason);
        _exit(3);
    }
    struct writer payload = {0};
    put_text(&payload, stage);
    put_text(&payload, reason);
    send_frame(job_socket, FAILED, &payload);
    _exit(0);
}

// Gives the next `size` bytes of a payload.
static const void *take(struct reader *reader, size_t size) {
    if (size > reader->size - reader->position) fail("protocol", "a frame is shorter than it says");
    reader->position += size;
    return reader->data + reader->position - size;
}

static uint32_t take_u32(struct reader *reader) {
    uint32_t value;
    memcpy(&value, take(reader, sizeof value), sizeof value);
    return value;
}

static uint64_t take_u64(struct reader *reader) {
    uint64_t value;
    memcpy(&value, take(reader, sizeof value), sizeof value);
    return value;
}

static struct tensor take_tensor(struct reader *reader) {
    struct tensor tensor = {.dtype = take_u32(reader), .rank = take_u32(reader)};
    if (tensor.rank > MAX_RANK) fail("protocol", "a tensor of rank %u; %d is the most", tensor.rank, MAX_RANK);
    uint64_t elements = 1;
    for (uint32_t axis = 0; axis < tensor.rank; axis++) {
        tensor.dims[axis] = (int64_t)take_u64(reader);
        elements *= (uint64_t)tensor.dims[axis];
    }
    tensor.bytes = take_u64(reader);
    if (!element_size(tensor.dtype) || tensor.bytes != elements * element_size(tensor.dtype))
        fail("protocol", "a tensor of dtype %u has %llu bytes", tensor.dtype, (unsigned long long)tensor.bytes);
    // Runtimes expect aligned data, which a payload is not; XNNPACK reads a little beyond the end.
    if (posix_memalign(&tensor.data, 64, tensor.bytes + 64)) fail("memory", "no room for an input");
    memcpy(tensor.data, take(reader, tensor.bytes), tensor.bytes);
    return tensor;
}

static void put_tensor(struct writer *writer, const struct tensor *tensor) {
    put_u32(writer, tensor->dtype);
    put_u32(writer, tensor->rank);
    for (uint32_t axis = 0; axis < tensor->rank; axis++) put_u64(writer, (uint64_t)tensor->dims[axis]);
    put_u64(writer, tensor->bytes);
    put(writer, tensor->data, tensor->bytes);
}

// Reads one frame; false when the host has closed its side.
static bool next_frame(uint32_t *kind, struct reader *payload) {
    struct frame frame;
    if (!read_all(job_socket, &frame, sizeof frame)) return false;
    if (frame.magic != PROTOCOL_MAGIC) fail("protocol", "another version of the protocol is spoken here");
    *kind = frame.kind;
    free(payload->data);
    *payload = (struct reader){.data = malloc(frame.length + 1), .size = frame.length};
    if (!payload->data) fail("memory", "no room for a frame of %llu bytes", (unsigned long long)frame.length);
    if (!read_all(job_socket, payload->data, frame.length)) fail("protocol", "a frame was cut off");
    return true;
}

static char *take_text(struct reader *reader) {
    uint32_t length = take_u32(reader);
    return strndup(take(reader, length), length);
}

const char *output_name(size_t index) { return index < MAX_TENSORS ? output_names[index] : NULL; }

static void load(struct reader *payload) {
    uint32_t threads = take_u32(payload);
    char *path = take_text(payload);
    uint32_t names = take_u32(payload);
    if (names > MAX_TENSORS) fail("protocol", "%u outputs; %d is the most", names, MAX_TENSORS);
    for (uint32_t index = 0; index < names; index++) output_names[index] = take_text(payload);
    double started = now();
    engine_load(path, (int)threads);
    struct writer answer = {0};
    put_double(&answer, now() - started);
    send_frame(job_socket, LOADED, &answer);
    free(answer.data);
    free(path);
}

static void run(struct reader *payload) {
    uint32_t repetitions = take_u32(payload), count = take_u32(payload);
    static struct tensor inputs[MAX_TENSORS], outputs[MAX_TENSORS];
    if (count > MAX_TENSORS) fail("protocol", "%u inputs; %d is the most", count, MAX_TENSORS);
    for (uint32_t index = 0; index < count; index++) inputs[index] = take_tensor(payload);
    double seconds = 0;
    size_t made = engine_run(inputs, count, repetitions, outputs, &seconds);
    struct writer answer = {0};
    put_double(&answer, seconds);
    put_u32(&answer, (uint32_t)made);
    for (size_t index = 0; index < made; index++) put_tensor(&answer, &outputs[index]);
    send_frame(job_socket, RESULT, &answer);
    free(answer.data);
    for (uint32_t index = 0; index < count; index++) free(inputs[index].data);
}

static void work(void) {
    struct writer hello = {0};
    put_u32(&hello, (uint32_t)getpid());
    put_text(&hello, engine_release());
    send_frame(job_socket, STARTED, &hello);
    struct reader payload = {0};
    uint32_t kind;
    while (next_frame(&kind, &payload)) {
        if (kind == LOAD)
            load(&payload);
        else if (kind == RUN)
            run(&payload);
        else
            fail("protocol", "a frame of kind %u", kind);
    }
    _exit(0);
}

// Receives the socket of the next job; -1 when the host is gone.
static int receive_socket(int control) {
    char byte, space[CMSG_SPACE(sizeof(int))];
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    ssize_t count;
    do count = recvmsg(control, &message, 0);
    while (count < 0 && errno == EINTR);
    struct cmsghdr *header = count == 1 ? CMSG_FIRSTHDR(&message) : NULL;
    int socket = -1;
    if (header && header->cmsg_type == SCM_RIGHTS) memcpy(&socket, CMSG_DATA(header), sizeof socket);
    return socket;
}

static struct job start_job(int socket, int control) {
    int alive[2];
    if (pipe(alive)) fail("server", "pipe: %s", strerror(errno));
    pid_t server = getpid(), pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != server) _exit(0);
        close(control);
        close(alive[0]);
        job_socket = socket;
        work();
    }
    close(alive[1]);
    if (pid < 0) close(alive[0]), alive[0] = -1;
    return (struct job){pid, socket, alive[0]};
}

static void report_end(struct job *job) {
    int status = 0;
    waitpid(job->pid, &status, 0);
    struct writer payload = {0};
    put_u32(&payload, WIFEXITED(status) ? (uint32_t)WEXITSTATUS(status) : 0);
    put_u32(&payload, WIFSIGNALED(status) ? (uint32_t)WTERMSIG(status) : 0);
    send_frame(job->socket, ENDED, &payload);
    free(payload.data);
    close(job->socket);
    close(job->alive);
}

static void end_all(const struct job *jobs, size_t count) {
    for (size_t index = 0; index < count; index++) kill(jobs[index].pid, SIGKILL);
    _exit(0);
}

static void serve(int control) {
    static struct job jobs[MAX_JOBS];
    size_t count = 0;
    for (;;) {
        struct pollfd polled[MAX_JOBS + 1];
        // With all places taken the control socket waits; its number is negative then, which poll skips.
        polled[0] = (struct pollfd){count < MAX_JOBS ? control : -1, POLLIN, 0};
        for (size_t index = 0; index < count; index++) polled[index + 1] = (struct pollfd){jobs[index].alive, POLLIN, 0};
        if (poll(polled, count + 1, -1) < 0) continue;
        for (size_t index = count; index-- > 0;) {
            if (!polled[index + 1].revents) continue;
            report_end(&jobs[index]);
            jobs[index] = jobs[--count];
        }
        if (!polled[0].revents) continue;
        int socket = receive_socket(control);
        if (socket < 0) end_all(jobs, count);
        struct job job = start_job(socket, control);
        if (job.pid > 0)
            jobs[count++] = job;
        else
            close(socket);  // the host sees a job that ended without an answer
    }
}

int main(int argc, char **argv) {
    if (argc < 2) fail("server", "usage: %s CONTROL-SOCKET ENGINE-ARGUMENT...", argv[0]);
    dup2(STDERR_FILENO, STDOUT_FILENO);  // whatever a runtime prints is log
    engine_start(argc - 2, argv + 2);
    serve(atoi(argv[1]));
}
