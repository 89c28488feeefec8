/* The graph of a session as text, for the Python part to reason about. */
#ifndef PRUNEPACK_DESCRIPTION_H
#define PRUNEPACK_DESCRIPTION_H

#include "ort.h"

/* Keep the description of a graph, in place of any older one of this session. */
void description_keep(const void *provider, int64_t session, const OrtGraph *);
/* Remove the description of a session and return its text, to be freed; null if there is none. */
char *description_take(int64_t session);
void description_forget(const void *provider);

#endif
