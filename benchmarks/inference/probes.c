/* Limits of one core: multiply-adds per nanosecond, and bytes per nanosecond from caches and memory.
 *
 * Prints a JSON object. Vectors have 16 floats; the compiler cuts them where registers are narrower. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef float vec __attribute__((vector_size(64)));
enum { SUMS = 10, VECTORS = 320, ROUNDS = 15 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Operands are in registers, or the vectors come from a buffer in the first-level cache. */
static double multiply_adds(const float *buffer, int loads, float *out)
{
    double best = 1e30;
    for (int round = 0; round < ROUNDS; round++) {
        vec sum[SUMS] = {0}, x = *(const vec *)buffer;
        const float w = buffer[0] * 1e-9f;
        double began = now();
        for (int repeat = 0; repeat < 2000; repeat++) {
            const vec *from = (const vec *)buffer;
            for (int i = 0; i < VECTORS; i += SUMS) {
                asm volatile("" ::: "memory");
#pragma GCC unroll 10
                for (int s = 0; s < SUMS; s++)
                    sum[s] += (loads ? from[i + s] : x) * w;
            }
        }
        double took = now() - began;
        best = took < best ? took : best;
        for (int s = 0; s < SUMS; s++)
            memcpy(out + s * 16, &sum[s], sizeof(vec));
    }
    return 2000.0 * VECTORS * 16 / best;
}

static double read_bytes(size_t size, float *out)
{
    vec *buffer = aligned_alloc(64, size);
    memset(buffer, 1, size);
    const size_t count = size / sizeof(vec), repeats = 1 + ((size_t)1 << 28) / size;
    double best = 1e30;
    for (int round = 0; round < ROUNDS; round++) {
        vec sum[4] = {0};
        double began = now();
        for (size_t repeat = 0; repeat < repeats; repeat++) {
            asm volatile("" ::: "memory");
            for (size_t i = 0; i + 4 <= count; i += 4)
#pragma GCC unroll 4
                for (int s = 0; s < 4; s++)
                    sum[s] += buffer[i + s];
        }
        double took = now() - began;
        best = took < best ? took : best;
        for (int s = 0; s < 4; s++)
            memcpy(out + s * 16, &sum[s], sizeof(vec));
    }
    free(buffer);
    return (double)repeats * (double)size / best;
}

int main(void)
{
    static float buffer[VECTORS * 16] __attribute__((aligned(64))), out[SUMS * 16];
    for (int i = 0; i < VECTORS * 16; i++)
        buffer[i] = 1;
    printf("{\"multiply_adds\": %.2f, ", multiply_adds(buffer, 0, out));
    printf("\"multiply_adds_loaded\": %.2f", multiply_adds(buffer, 1, out));
    const size_t kib[] = {16, 256, 8192, 16384, 262144};
    for (int i = 0; i < 5; i++)
        printf(", \"read_%zu\": %.2f", kib[i], read_bytes(kib[i] * 1024, out));
    printf(", \"ignore\": %g}\n", (double)out[0]);
    return 0;
}
