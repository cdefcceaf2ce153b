/* SPDX-License-Identifier: Apache-2.0 */
/* What dpkg and systemctl print about a node: any bytes, and no two answers about versions. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "node/dpkg.h"
#include "node/service_show.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_status(const char *text, size_t n)
{
	AUTO(dpkg_status_release) struct dpkg_status s = {0};

	dpkg_status_parse(&s, text, n);
	strmap_foreach (e, &s.packages) {
		const struct dpkg_package *p = e->value;
		if (p->installed && !p->has_files)
			abort();
	}
}

static void read_show(const char *text, size_t n)
{
	AUTO(arena_release) struct arena a = {0};
	static const char *const units[] = {"a", "b"};
	struct service_state states[2];

	for (size_t count = 0; count <= 2; count++)
		service_show_parse(&a, units, count, text, n, true, states, NULL);
}

/* The bytes up to the first newline and the rest are two versions. */
static void compare(const char *text, size_t n)
{
	autofree char *a = xstrndup(text, n);
	char *b = strchr(a, '\n');

	if (!b)
		return;
	*b++ = '\0';
	int there = dpkg_compare_versions(a, b), back = dpkg_compare_versions(b, a);
	if ((there < 0) != (back > 0) || (there > 0) != (back < 0) ||
		dpkg_compare_versions(a, a) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_status((const char *)data, size);
	read_show((const char *)data, size);
	compare((const char *)data, size);
	return 0;
}
