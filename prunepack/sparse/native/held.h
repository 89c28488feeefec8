/* Weights that onnxruntime never gets: their nonzeros, for the session that is being created. */
#ifndef PRUNEPACK_HELD_H
#define PRUNEPACK_HELD_H

#include "layer.h"

typedef struct Held {
    struct Held *next;
    int64_t session;
    char *name;
    Nonzeros nonzeros;
    int used; /* set when a layer with this weight runs sparse */
} Held;

void held_add(Held *);
/* Null if there is none. Nothing removes the weights of a session while it is created. */
Held *held_find(int64_t session, const char *name);
/* Remove and return any weight of a session; null if there is none left. */
Held *held_remove(int64_t session);

#endif
