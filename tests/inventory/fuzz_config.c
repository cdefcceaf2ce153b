/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of ansible.cfg. */
#include "inventory/config_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(config_entries_release) struct config_entries entries = {0};

	config_entries_parse(&entries, (const char *)data, size, "fuzz", NULL);
	strmap_foreach (e, &entries.map)
		if (!strchr(e->key, '.'))
			abort();
	return 0;
}
