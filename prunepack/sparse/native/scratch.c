#include "scratch.h"

#include <pthread.h>
#include <stdlib.h>

enum { ALIGN = 64 };

size_t aligned(size_t bytes) { return (bytes + ALIGN - 1) / ALIGN * ALIGN; }

struct Pool {
    pthread_mutex_t lock;
    Scratch *free;
};

Pool *pool_create(void)
{
    Pool *pool = calloc(1, sizeof *pool);
    if (pool)
        pthread_mutex_init(&pool->lock, 0);
    return pool;
}

void pool_free(Pool *pool)
{
    if (!pool)
        return;
    for (Scratch *s = pool->free, *next; s; s = next) {
        next = s->next;
        free(s->memory);
        free(s);
    }
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

void scratch_give_back(Pool *pool, Scratch *scratch)
{
    pthread_mutex_lock(&pool->lock);
    scratch->next = pool->free;
    pool->free = scratch;
    pthread_mutex_unlock(&pool->lock);
}

Scratch *scratch_take(Pool *pool, size_t size)
{
    pthread_mutex_lock(&pool->lock);
    Scratch *scratch = pool->free;
    if (scratch)
        pool->free = scratch->next;
    pthread_mutex_unlock(&pool->lock);
    if (!scratch && !(scratch = calloc(1, sizeof *scratch)))
        return 0;
    if (scratch->size < size) {
        free(scratch->memory);
        size_t rounded = (size + size / 4 + ALIGN) / ALIGN * ALIGN;
        scratch->memory = aligned_alloc(ALIGN, rounded);
        scratch->size = scratch->memory ? rounded : 0;
        if (!scratch->memory) {
            free(scratch);
            return 0;
        }
    }
    return scratch;
}
