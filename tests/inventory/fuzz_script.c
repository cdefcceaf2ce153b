/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON that inventory programs print. */
#include "inventory/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_inventory f;
	const struct value *list;

	fuzz_inventory_init(&f);
	list = datafile_parse_json(&f.arena, (const char *)data, size, "fuzz", NULL);
	/* Without _meta.hostvars the program would be run. */
	if (list && value_dict_get(value_dict_get(list, "_meta"), "hostvars"))
		script_read_list(&f.builder, list, "fuzz", NULL);
	fuzz_inventory_finish(&f);
	return 0;
}
