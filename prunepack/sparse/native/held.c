#include "held.h"

#include <pthread.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Held *all;

void held_add(Held *held)
{
    pthread_mutex_lock(&lock);
    held->next = all;
    all = held;
    pthread_mutex_unlock(&lock);
}

/* The place of a weight in the list; any of the session without a name. */
static Held **find(int64_t session, const char *name)
{
    Held **at = &all;
    while (*at && ((*at)->session != session || (name && strcmp((*at)->name, name))))
        at = &(*at)->next;
    return at;
}

Held *held_find(int64_t session, const char *name)
{
    pthread_mutex_lock(&lock);
    Held *held = *find(session, name);
    pthread_mutex_unlock(&lock);
    return held;
}

Held *held_remove(int64_t session)
{
    pthread_mutex_lock(&lock);
    Held **at = find(session, 0), *held = *at;
    if (held)
        *at = held->next;
    pthread_mutex_unlock(&lock);
    return held;
}
