/* What the Python module asks the execution provider. */
#ifndef PRUNEPACK_PROVIDER_H
#define PRUNEPACK_PROVIDER_H

#include "cost.h"

#define PROVIDER_NAME "PrunepackSparse"

/* What was decided about one layer of a session. */
typedef struct Decision {
    struct Decision *next;
    const void *provider; /* of the session that was created with these options */
    int64_t session;
    char *name, *op;
    int fused, sparse; /* nodes that run as one; whether they run sparse */
    Shape shape;
    double dense_ns, sparse_ns;
} Decision;

/* The decisions about the newest session with this number, the last one first. They live as long as
 * their session. */
void decisions_visit(int64_t session, void (*visit)(const Decision *, void *), void *argument);

#endif
