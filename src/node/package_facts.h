/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dpkg has installed, with the sections and archives that it came from.
 */
#ifndef NODE_PACKAGE_FACTS_H
#define NODE_PACKAGE_FACTS_H

#include "base/strmap.h"
#include "node/facts.h"

struct apt_package {
	const char *name, *version, *architecture, *section;
	const char *origin; /* of the archive that has this version; "" when none has */
};

struct apt_packages {
	struct facts *facts;
	struct apt_package *items;
	size_t count, cap;
	struct strmap by_key; /* "NAME VERSION ARCHITECTURE" -> index + 1 */
	const char *native;   /* the architecture of dpkg itself */
};

/* Reads what is installed. The caller frees `items` and releases `by_key`. */
int apt_packages_read(struct apt_packages *all, struct err *err);
/* Looks for the archives in apt's lists, as far as these are there and not compressed. */
void apt_packages_find_origins(struct apt_packages *all);

#endif
