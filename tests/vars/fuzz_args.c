/* SPDX-License-Identifier: Apache-2.0 */
/* The k=v words of -e. */
#include "vars/args.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct place at = {.file = "-e"};
	AUTO(arena_release) struct arena arena = {0};
	struct value *dict = value_new_dict(&arena);
	autofree char *text = xstrndup((const char *)data, size);

	args_parse(&arena, text, &at, dict, NULL);
	value_dict_foreach (p, dict)
		if (p->value->kind != VALUE_STRING || !p->value->place.file)
			abort();
	return 0;
}
