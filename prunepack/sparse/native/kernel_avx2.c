/* The inner loops for processors with AVX2 and FMA. */
#if defined(__x86_64__)
#pragma GCC target("avx2,fma")
#include <immintrin.h>
#define LOWER(A, X) ((vec)_mm256_min_ps((__m256)(A), (__m256)(X)))
#define UPPER(A, X) ((vec)_mm256_max_ps((__m256)(A), (__m256)(X)))
#define STREAM(AT, X) _mm256_stream_ps(AT, (__m256)(X))
#define STREAM_FENCE() _mm_sfence()
#define LANES 8
#define TILE 8
#define TABLE kernels_avx2
#define NAME "avx2"
#include "kernel_body.h"
#endif
