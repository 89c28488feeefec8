/* The inner loops for any processor: vectors of four floats, which are native on SSE2 and NEON. */
#define LANES 4
#define TILE 8
#define TABLE kernels_portable
#define NAME "portable"
#include "kernel_body.h"
