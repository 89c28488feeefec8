/* The inner loops for processors with AVX2 and FMA. */
#if defined(__x86_64__)
#pragma GCC target("avx2,fma")
#define LANES 8
#define TABLE kernels_avx2
#define NAME "avx2"
#include "kernel_body.h"
#endif
