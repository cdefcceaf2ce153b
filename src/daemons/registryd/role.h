/* SPDX-License-Identifier: Apache-2.0 */
/* What a caller may do; each role may do what those before it may. */
#ifndef REGISTRYD_ROLE_H
#define REGISTRYD_ROLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum role { ROLE_NOBODY, ROLE_READ, ROLE_WRITE, ROLE_ADMIN };

/* The name of a role: "read", "write", "admin". */
static inline const char *role_name(enum role role)
{
	static const char *const names[] = {"nobody", "read", "write", "admin"};

	return names[role];
}

/* The role of a name; false if there is none. */
static inline bool role_read(const char *name, enum role *out)
{
	for (enum role r = ROLE_READ; r <= ROLE_ADMIN; r++)
		if (str_cmp0(name, role_name(r)) == 0) {
			*out = r;
			return true;
		}
	return false;
}

#endif
