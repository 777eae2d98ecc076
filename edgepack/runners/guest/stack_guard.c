// Android's libraries read their stack guard 0x28 bytes above the thread pointer, where glibc keeps the program's
// own thread-local data. This reserves the place; it must be the first thread-local variable of the program.
#include <stdint.h>

#include "engine.h"

__thread uint64_t bionic_thread_slots[8] = {1, 2, 3, 0x5eed5eed5eed5e00, 5, 6, 7, 8};

__attribute__((constructor)) static void check(void) {
    const char *guard = (const char *)__builtin_thread_pointer() + 0x28;
    const char *first = (const char *)bionic_thread_slots;
    if (guard < first || guard >= first + sizeof bionic_thread_slots)
        fail("runtime", "the place of Android's stack guard is taken");
}
