/* SPDX-License-Identifier: MIT
 *
 * A disk that hangs, and a kernel that tells nothing: preloaded into nginx, this keeps threads
 * from opening any .yaml file while the file HOLD is there (whose path the environment has at the
 * start), and with NO_INOTIFY set there is no inotify. The main thread of a process is let be.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

static char hold[4096];
static int no_inotify;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("HOLD");

    snprintf(hold, sizeof(hold), "%s", path ? path : "");
    no_inotify = getenv("NO_INOTIFY") != NULL;
}

static void wait_for_leave(const char *path)
{
    size_t length = strlen(path);

    if (!hold[0] || gettid() == getpid() || length < 5 || strcmp(path + length - 5, ".yaml") != 0) {
        return;
    }

    while (access(hold, F_OK) == 0) {
        /* for the test: it hangs */
        char held[4104];

        snprintf(held, sizeof(held), "%s.held", hold);
        close(creat(held, 0644));
        usleep(5000);
    }
}

#define OPEN(name)                                                                                \
    int name(const char *path, int flags, ...)                                                    \
    {                                                                                             \
        static int (*real)(const char *, int, ...);                                               \
        va_list rest;                                                                             \
        mode_t mode;                                                                              \
                                                                                                  \
        if (real == NULL) {                                                                       \
            real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name);                      \
        }                                                                                         \
        va_start(rest, flags);                                                                    \
        mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;                                        \
        va_end(rest);                                                                             \
        wait_for_leave(path);                                                                     \
        return real(path, flags, mode);                                                           \
    }

OPEN(open)
OPEN(open64)

int inotify_init1(int flags)
{
    static int (*real)(int);

    if (no_inotify) {
        errno = ENOSYS;
        return -1;
    }
    if (real == NULL) {
        real = (int (*)(int))dlsym(RTLD_NEXT, "inotify_init1");
    }
    return real(flags);
}
