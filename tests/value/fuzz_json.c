/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as JSON. What is read is written, and what is written is read as the same value.
 */
#include "value/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct value *v, struct strbuf *out)
{
	struct err err = {0};

	if (json_write(v, NULL, out, &err) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(strbuf_release) struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
	struct err err = {0};
	const struct value *v =
		json_read(&a, (const char *)data, size, "fuzz", NULL, NULL, &err);

	if (!v) {
		if (err.code == ERR_NONE)
			abort();
		return 0;
	}
	write_again(v, &once);
	v = json_read(&a, once.data, once.len, "again", NULL, NULL, &err);
	if (!v)
		abort();
	write_again(v, &twice);
	if (strcmp(once.data, twice.data) != 0)
		abort();
	return 0;
}
