/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dpkg has installed: its status file, read once, and its order of versions (Debian
 * policy, section 5.6.12).
 */
#ifndef NODE_DPKG_H
#define NODE_DPKG_H

#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/strmap.h"

#define DPKG_STATUS_FILE "/var/lib/dpkg/status"
#define DPKG_STATUS_MAX  (256u << 20) /* bytes of it that we read */

struct dpkg_package {
	const char *name;
	const char *architecture;
	const char *version; /* "" when nothing is installed */
	bool installed;      /* wanted and there, whole */
	bool has_files;      /* something of it is there: at least its configuration */
};

/* By "name" (the first that is installed) and by "name:architecture". */
struct dpkg_status {
	struct strmap packages; /* of struct dpkg_package, the arena's */
	struct strmap provided; /* names that installed packages provide */
	struct arena arena;
};

/* Reads the status file. An all-zero struct is an empty status. */
int dpkg_status_read(struct dpkg_status *s, const char *path, struct err *err);
/* Reads a status from n bytes of text. */
void dpkg_status_parse(struct dpkg_status *s, const char *text, size_t n);
/* Frees it; it is empty afterwards. */
void dpkg_status_release(struct dpkg_status *s);
/* A package by "name" or "name:architecture", or NULL. */
const struct dpkg_package *dpkg_find(const struct dpkg_status *s, const char *name);
/* The version that is installed, or NULL. */
const char *dpkg_installed_version(const struct dpkg_status *s, const char *name);
/* Less than, equal to or more than 0, as a sorts before, with or behind b. */
int dpkg_compare_versions(const char *a, const char *b);

#endif
