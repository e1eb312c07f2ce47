/* What a loss of power leaves of a folder: each file as it was when it was synced last.
 *
 * Preloaded into a process, it copies every file of the folder LAUREL_KEEP_OF into the folder LAUREL_KEEP_IN when the process
 * syncs it, and follows renames and removals there. What was written since the last sync is in no copy. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

/* Where the copy of a file is kept; 0 where none is. */
static int kept(const char *path, char *copy) {
    const char *of = getenv("LAUREL_KEEP_OF"), *in = getenv("LAUREL_KEEP_IN");
    if (!of || !in || strncmp(path, of, strlen(of)) != 0 || path[strlen(of)] != '/') return 0;
    return snprintf(copy, PATH_MAX, "%s/%s", in, path + strlen(of) + 1) < PATH_MAX;
}

static void keep(int fd) {
    char link[64], path[PATH_MAX], copy[PATH_MAX], fresh[PATH_MAX + 8], buffer[1 << 16];
    struct stat what;
    if (fstat(fd, &what) != 0 || !S_ISREG(what.st_mode)) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return;
    path[length] = 0;
    if (!kept(path, copy)) return;
    pthread_mutex_lock(&turn);
    snprintf(fresh, sizeof fresh, "%s.fresh", copy);
    int from = open(path, O_RDONLY), to = open(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t many = -1;
    if (from >= 0 && to >= 0) {
        while ((many = read(from, buffer, sizeof buffer)) > 0) {
            if (write(to, buffer, many) != many) abort();
        }
    }
    if (from >= 0) close(from);
    if (to >= 0) close(to);
    if (many == 0) {
        int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
        if (real(fresh, copy) != 0) abort();
    }
    pthread_mutex_unlock(&turn);
}

int fsync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    int done = real(fd);
    if (done == 0) keep(fd);
    return done;
}

int fdatasync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    int done = real(fd);
    if (done == 0) keep(fd);
    return done;
}

int rename(const char *from, const char *to) {
    int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
    char copy[PATH_MAX], other[PATH_MAX];
    int done = real(from, to);
    if (done == 0 && kept(from, copy) && kept(to, other)) real(copy, other);
    return done;
}

int unlink(const char *path) {
    int (*real)(const char *) = dlsym(RTLD_NEXT, "unlink");
    char copy[PATH_MAX];
    int done = real(path);
    if (done == 0 && kept(path, copy)) real(copy);
    return done;
}
