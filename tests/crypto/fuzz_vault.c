/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a vault envelope: refused or decrypted, never more. */
#include "crypto/vault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vault_secrets secrets;
	AUTO(vault_wipe) struct strbuf plain = STRBUF_INIT;
	struct err err = {0};

	if (!secrets.count)
		vault_secrets_add(&secrets, NULL, "geheim 1", 8, &err);
	if (vault_decrypt((const char *)data, size, &secrets, &plain, &err) < 0 &&
		(err.code == ERR_NONE || plain.len))
		abort();
	return 0;
}
