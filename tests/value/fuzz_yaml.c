/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as YAML. What is read can be copied, written, and read again as the same value;
 * what is refused has an error.
 */
#include "value/yaml.h"
#include "value/yaml_emit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes what was read; what was written is read, or refused for a reason. */
static void check_round_trip(struct arena *a, const struct value *v)
{
	static const struct yaml_emit_options options = {
		.flow = YAML_FLOW_LEAVES, .unicode = true};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err = {0};

	if (yaml_emit(v, &options, &text, &err) < 0)
		return;
	const struct value *again =
		yaml_read(a, text.data, text.len, NULL, &(struct yaml_options){0}, NULL, &err);
	if (!again && err.code == ERR_NONE)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct yaml_options options = {.max_nodes = 20000, .max_depth = 100};
	AUTO(arena_release) struct arena a = {0};
	AUTO(diags_release) struct diags diags = {0};
	struct err err = {0};
	const struct value *v =
		yaml_read_all(&a, (const char *)data, size, "fuzz", &options, &diags, &err);

	if (!v && err.code == ERR_NONE)
		abort();
	if (v) {
		value_copy_unsafe(&a, v);
		check_round_trip(&a, v);
	}
	return 0;
}
