/* The inner loops for processors with AVX-512. */
#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,fma,avx2")
#define LANES 16
#define TABLE kernels_avx512
#define NAME "avx512"
#include "kernel_body.h"
#endif
