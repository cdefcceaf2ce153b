/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is mounted, as the modules facts and mount_facts read it.
 */
#ifndef NODE_FACTS_MOUNTS_H
#define NODE_FACTS_MOUNTS_H

#include "node/module.h"

/* A line of /proc/mounts or of a file like fstab, its escapes undone. */
struct mount_entry {
	const char *device, *mount, *type, *options;
	const char *dump, *pass; /* NULL: not there */
};

/* Reads a line; false for one that has no four fields, or is a comment. */
bool mount_parse(struct arena *a, const char *line, struct mount_entry *entry);
/* The UUID of a device by udev's links, or NULL. `root` is "" or another system's. */
const char *mount_uuid(struct arena *a, const char *root, const char *device);
/*
 * Tells how large and how full a file system is, as members of the open dict: nothing where it
 * does not say. -1 when it does not answer in time.
 */
int mount_put_size(struct node_call *c, const char *path, const char *type, double seconds);

#endif
