// SPDX-License-Identifier: GPL-2.0-or-later
//
// A plug-in for qemu's user-mode emulator that counts the instructions of each inference.
//
// This file alone is under the GNU General Public License, version 2 or later: it is loaded into qemu, which is
// under that licence. It is compiled on the user's machine and shares nothing with the rest of edgepack, which
// only starts qemu with it.
//
// A guest marks the beginning and the end of an inference by a system call that means nothing to the kernel
// (engine.h). At each end one line with the count since the beginning is appended to the file PID in the folder
// that the plug-in's argument `out` names. qemu's header is not packaged everywhere; what is used of its plug-in
// interface is declared here.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

// Each release of qemu accepts some versions only; edgepack finds one that it does.
EXPORT int qemu_plugin_version = PLUGIN_VERSION;

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
typedef void (*translated)(plugin_id, struct qemu_plugin_tb *);
typedef void (*executed)(unsigned int cpu, void *data);
typedef void (*called)(plugin_id, unsigned int cpu, int64_t number, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                       uint64_t, uint64_t, uint64_t);

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, translated);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, executed, int flags, void *data);
extern void qemu_plugin_register_vcpu_syscall_cb(plugin_id, called);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);

enum { GETPRIORITY = 141, MARK = 0x7700, BEGINS = 1, ENDS = 2, NO_REGISTERS = 0 };  // 141: on arm64

static uint64_t count, begun;
static char folder[4096];

static void on_block(unsigned int cpu, void *instructions) {
    (void)cpu;
    count += (uintptr_t)instructions;
}

static void on_translation(plugin_id id, struct qemu_plugin_tb *block) {
    (void)id;
    void *instructions = (void *)(uintptr_t)qemu_plugin_tb_n_insns(block);
    qemu_plugin_register_vcpu_tb_exec_cb(block, on_block, NO_REGISTERS, instructions);
}

static void report(uint64_t instructions) {
    char path[sizeof folder + 32];
    snprintf(path, sizeof path, "%s/%d", folder, (int)getpid());
    FILE *file = fopen(path, "a");
    if (!file) return;
    fprintf(file, "%llu\n", (unsigned long long)instructions);
    fclose(file);
}

static void on_syscall(plugin_id id, unsigned int cpu, int64_t number, uint64_t which, uint64_t b, uint64_t c,
                       uint64_t d, uint64_t e, uint64_t f, uint64_t g, uint64_t h) {
    (void)id, (void)cpu, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
    if (number != GETPRIORITY) return;
    if (which == MARK + BEGINS) begun = count;
    if (which == MARK + ENDS) report(count - begun);
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int count_of_arguments, char **arguments) {
    (void)info;
    for (int index = 0; index < count_of_arguments; index++)
        if (!strncmp(arguments[index], "out=", 4)) snprintf(folder, sizeof folder, "%s", arguments[index] + 4);
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_vcpu_syscall_cb(id, on_syscall);
    return 0;
}
