/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a model comes from, as the configurations of several daemons say it: one entry of a
 * list `models`, with `source`, `uri`, `stage`, `alias` and `artifact`. What is said here holds
 * for each of them; which stages a daemon knows is its own.
 */
#ifndef DAEMONS_MODEL_ORIGIN_H
#define DAEMONS_MODEL_ORIGIN_H

#include <stdbool.h>

#include "base/diag.h"

/* What an entry says, the daemon's defaults put in; it points to the entry. */
struct model_origin {
	const char *source;        /* a kind of source/source.h; what is none is found */
	const char *uri;           /* NULL: the source's own, where it has one */
	const char *common;        /* of the file, for entries without a uri: mlflow_uri */
	const char *stage, *alias; /* NULL: not said */
	const char *artifact; /* a path in the version, or a pattern of it; NULL: not said */
	const struct place *place;
};

/*
 * Finds what is wrong: a kind that there is not, a uri that is missing or none, an alias of
 * what has none, an alias beside a stage, a path that leaves the version. Findings go to diags,
 * at the entry's place.
 */
void model_origin_check(const struct model_origin *origin, struct diags *diags);
/* True for what begins with http:// or https://. */
bool model_origin_is_url(const char *text);

#endif
