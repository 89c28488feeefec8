/* Nanoseconds in which a cache line goes from one core to another one and back.
 *
 * Takes the numbers of two cores, and prints the median of 21 series. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SERIES = 21, TURNS = 20000 };

static long turn __attribute__((aligned(128)));

static void stay_on(int core)
{
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(core, &cores);
    pthread_setaffinity_np(pthread_self(), sizeof cores, &cores);
}

static void take_turns(long parity)
{
    for (long i = 0; i < TURNS; i++) {
        while ((__atomic_load_n(&turn, __ATOMIC_ACQUIRE) & 1) != parity)
            ;
        __atomic_fetch_add(&turn, 1, __ATOMIC_ACQ_REL);
    }
}

static void *answer(void *core)
{
    stay_on(*(int *)core);
    for (int i = 0; i < SERIES; i++)
        take_turns(1);
    return 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int count, char **words)
{
    if (count != 3)
        return 2;
    int first = atoi(words[1]), second = atoi(words[2]);
    double took[SERIES];
    pthread_t other;
    stay_on(first);
    if (pthread_create(&other, 0, answer, &second))
        return 1;
    for (int i = 0; i < SERIES; i++) {
        struct timespec began, ended;
        clock_gettime(CLOCK_MONOTONIC, &began);
        take_turns(0);
        clock_gettime(CLOCK_MONOTONIC, &ended);
        took[i] = ((double)(ended.tv_sec - began.tv_sec) * 1e9 + (double)(ended.tv_nsec - began.tv_nsec)) / TURNS;
    }
    pthread_join(other, 0);
    qsort(took, SERIES, sizeof took[0], compare);
    printf("%.0f\n", took[SERIES / 2]);
    return 0;
}
