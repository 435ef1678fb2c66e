/* Preloaded into a daemon: the wall clock is ahead of or behind the machine's by as many seconds as a file says.
 *
 * It does what setting the machine's clock does, for one process. Monotonic time goes on as it is, and a wait
 * that is under way until a moment of wall time ends at that moment of the clock as it stands then.
 * CLOCK_OFFSET_FILE names the file; a file that cannot be read means no offset.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define NS 1000000000LL
#define SLICE_NS (20 * 1000000LL)      /* a jump is noticed within so long */
#define WALL_TIME_NS (1000000000LL * NS) /* moments before 2001 are monotonic time */

static long long offset_ns(void) {
    static __thread long long known, read_at_ns;
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    long long now_ns = now.tv_sec * NS + now.tv_nsec;
    if (read_at_ns && now_ns - read_at_ns < SLICE_NS)
        return known;
    read_at_ns = now_ns;
    const char *path = getenv("CLOCK_OFFSET_FILE");
    int handle = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (handle < 0)
        return known = 0;
    char text[32] = {0};
    ssize_t length = read(handle, text, sizeof text - 1);
    close(handle);
    if (length > 0)
        known = atoll(text) * NS;
    return known;
}

static struct timespec from_ns(long long ns) {
    return (struct timespec){ns / NS, ns % NS};
}

static long long machine_ns(void) {
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    return now.tv_sec * NS + now.tv_nsec;
}

static long long wall_ns(void) {
    return machine_ns() + offset_ns();
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
        return (int)syscall(SYS_clock_gettime, clock, time);
    *time = from_ns(wall_ns());
    return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    long long ns = wall_ns();
    *time = (struct timeval){ns / NS, ns % NS / 1000};
    return 0;
}

time_t time(time_t *result) {
    time_t seconds = wall_ns() / NS;
    if (result)
        *result = seconds;
    return seconds;
}

int timespec_get(struct timespec *time, int base) {
    *time = from_ns(wall_ns());
    return base;
}

typedef int wait_until(void *condition, void *mutex, const struct timespec *moment);

/* Waits in slices of the machine's time, until the clock as it stands then has come to the moment. */
static int wait(wait_until *machine_wait, int timed_out, void *condition, void *mutex, const struct timespec *moment) {
    long long until_ns = moment->tv_sec * NS + moment->tv_nsec;
    if (until_ns < WALL_TIME_NS)
        return machine_wait(condition, mutex, moment);
    for (;;) {
        long long left_ns = until_ns - wall_ns();
        struct timespec slice = from_ns(machine_ns() + (left_ns < 0 ? 0 : left_ns < SLICE_NS ? left_ns : SLICE_NS));
        int result = machine_wait(condition, mutex, &slice);
        if (result != timed_out || wall_ns() >= until_ns)
            return result;
    }
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict moment) {
    static wait_until *machine_wait;
    if (!machine_wait)
        machine_wait = (wait_until *)dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    return wait(machine_wait, ETIMEDOUT, condition, mutex, moment);
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict moment) {
    static wait_until *machine_wait;
    if (!machine_wait)
        machine_wait = (wait_until *)dlsym(RTLD_NEXT, "cnd_timedwait");
    return wait(machine_wait, thrd_timedout, condition, mutex, moment);
}
