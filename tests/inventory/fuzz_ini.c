/* SPDX-License-Identifier: Apache-2.0 */
/* INI inventories: sections, host lines, literals, ranges. */
#include "inventory/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_inventory f;

	if (size > 4096)
		return 0;
	fuzz_inventory_init(&f);
	ini_read_text(&f.builder, (const char *)data, size, "fuzz", NULL);
	fuzz_inventory_finish(&f);
	return 0;
}
