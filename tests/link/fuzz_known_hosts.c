/* SPDX-License-Identifier: Apache-2.0 */
/* known_hosts of any content: no crash, and a key that is found lies in a line that exists. */
#include "link/known_hosts.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned ports[] = {22, 2222};
	unsigned lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		struct known_hosts k;
		const struct known_key *why;
		known_hosts_init(&k, "a.net", ports[i]);
		known_hosts_parse(&k, "f", (const char *)data, size);
		for (size_t n = 0; n < k.count; n++) {
			const struct known_key *key = &k.items[n];
			enum known_verdict v =
				known_hosts_check(&k, key->type, key->blob, key->len, &why);
			if (key->line > lines || (v != KNOWN_OK && v != KNOWN_REVOKED))
				abort();
		}
		known_hosts_release(&k);
	}
	return 0;
}
