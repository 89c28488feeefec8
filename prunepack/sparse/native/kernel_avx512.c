/* The inner loops for processors with AVX-512. */
#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,fma,avx2")
#include <immintrin.h>
#define LOWER(A, X) ((vec)_mm512_min_ps((__m512)(A), (__m512)(X)))
#define UPPER(A, X) ((vec)_mm512_max_ps((__m512)(A), (__m512)(X)))
#define LOAD_PART(AT, COUNT) ((vec)_mm512_maskz_loadu_ps(RANGE(0, COUNT), AT))
#define RANGE(FROM, TO) ((__mmask16)((1u << (TO)) - (1u << (FROM))))
#define LOAD_MASK(AT, BITS) ((vec)_mm512_maskz_loadu_ps((__mmask16)(BITS), AT))
#define STORE_PART(AT, X, COUNT) _mm512_mask_storeu_ps(AT, RANGE(0, COUNT), (__m512)(X))
#define STREAM(AT, X) _mm512_stream_ps(AT, (__m512)(X))
#define STREAM_FENCE() _mm_sfence()
#define LANES 16
#define TILE 5
#define TABLE kernels_avx512
#define NAME "avx512"
#include "kernel_body.h"
#endif
