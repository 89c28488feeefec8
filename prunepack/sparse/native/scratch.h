/* Scratch memory, kept between runs. Runs of several threads at once each take their own. */
#ifndef PRUNEPACK_SCRATCH_H
#define PRUNEPACK_SCRATCH_H

#include <stddef.h>

#include "layer.h"

typedef struct Scratch {
    struct Scratch *next;
    size_t size;
    char *memory;
} Scratch;

/* Scratch memory of at least this size, or null without memory. */
Scratch *scratch_take(Pool *, size_t size);
void scratch_give_back(Pool *, Scratch *);
size_t aligned(size_t bytes);

#endif
