/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of an agent: keys that are accepted have a type that their blob holds. */
#include "link/agent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(agent_keys_release) struct agent_keys keys = {0};
	AUTO(strbuf_release) struct strbuf signature = STRBUF_INIT;

	agent_parse_keys(data, size, &keys, NULL);
	for (size_t i = 0; i < keys.count; i++) {
		const struct agent_key *k = &keys.items[i];
		if (k->len < 4 + strlen(k->type) ||
			memcmp(k->blob + 4, k->type, strlen(k->type)) != 0)
			abort();
	}
	agent_parse_signature(data, size, &signature, NULL);
	return 0;
}
