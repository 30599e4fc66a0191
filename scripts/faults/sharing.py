"""Two processes in one directory, and a clock that jumps."""

import subprocess

from storage import wait_for_rows

# Ten years back after a while, again and again: CLOCK_REALTIME, and in the second form every clock.
CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#include <sys/time.h>

static long calls;

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (clock == CLOCK_REALTIME || EVERY_CLOCK) {
        long back = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) / 5 % 2 ? 315360000 : 0;
        now->tv_sec = now->tv_sec > back ? now->tv_sec - back : 0;
    }
    return result;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (now) *now = exact.tv_sec;
    return exact.tv_sec;
}
"""


def same_run(lab):
    subject, tries = lab.subject("long run"), []
    for more in ([], ["--force"]):

        def disturb(place):
            first = lab.start([*subject.arguments, str(place)])
            wait_for_rows(first, place)
            second = lab.call([*subject.arguments, str(place), *more])
            ended = lab.ended(first)
            assert ended.code == 0, f"the first process: {ended.err}"
            return second

        says = ["is in use by another process"]
        tries.append(lab.attempt(subject, disturb, (2,), says))
    return tries, "the second one is refused, also with --force; the first one ends as if alone"


def same_study(lab):
    """Both work; and one is killed in the middle, and the other takes over."""
    subject, tries = lab.subject("long sweep"), []
    for kill in (False, True):

        def disturb(place):
            both = [lab.start([*subject.arguments, str(place)]) for _ in range(2)]
            if kill:
                wait_for_rows(both[0], place)
                both[0].kill()
            first, second = (lab.ended(child) for child in both)
            assert first.code == (-9 if kill else 0), first.err
            assert "5 of 5 runs complete" in second.out, second.out
            return second

        tries.append(lab.attempt(subject, disturb, (0,)))
    return tries, "they share the runs; if one is killed the other ends its runs"


def clock(lab):
    tries = []
    source = lab.work / "clock.c"
    source.write_text(CLOCK)
    for every in (0, 1):
        library = lab.work / f"clock{every}.so"
        subprocess.run(
            ["cc", "-shared", "-fPIC", f"-DEVERY_CLOCK={every}", "-o", library, source, "-ldl"], check=True
        )
        for name in ("run", "sweep"):
            subject = lab.subject(name)
            arguments = [a for a in subject.arguments if a != "--quiet"]  # progress reads the clock

            def disturb(place):
                return lab.call([*arguments, str(place)], ["env", f"LD_PRELOAD={library}"])

            attempt = lab.attempt(subject, disturb, (0,))
            attempt.message = ""
            tries.append(attempt)
    return tries, "ten years, back and forth, every few looks at it; the wall clock, and every clock"
