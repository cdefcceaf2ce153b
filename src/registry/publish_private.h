/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of publishing share; internal to the room.
 */
#ifndef REGISTRY_PUBLISH_PRIVATE_H
#define REGISTRY_PUBLISH_PRIVATE_H

#include "registry/publish.h"

/* Reports bytes that are done, and gives up when that is asked for. */
int publish_tick(const struct publish_request *q, uint64_t bytes, struct err *err);
/* Copies the first `size` bytes of a file; *cloned grows by what the file system shares. */
int publish_copy(const struct publish_request *q, int from, int to, uint64_t size,
	uint64_t *cloned, struct err *err);
/*
 * Reads a file that holds the content of an entry and fills in both digests. ERR_INTEGRITY
 * when it holds anything else.
 */
int publish_digest(const struct publish_request *q, int fd, const struct manifest_entry *e,
	struct version_file *out, struct err *err);
/* Begins the manifest.yaml of the sources; files are still to be added. */
void publish_describe(const struct publish_source *s, struct version_manifest *m);

#endif
