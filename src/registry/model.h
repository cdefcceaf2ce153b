/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading one model of the registry; internal to the room.
 */
#ifndef REGISTRY_MODEL_H
#define REGISTRY_MODEL_H

#include "registry/registry.h"

/*
 * Reads one entry of sentinelcam_models into m, whose strings go into the arena. Returns -1
 * when it has no name that could be used (m is then to be forgotten); other errors leave m
 * without current version.
 */
int model_read(struct arena *a, const struct value_pair *pair, const struct place *at,
	struct model *m, struct diags *d);

#endif
