/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content-Range and Repr-Digest of an upload: what is taken of them is a range inside the file,
 * and 32 bytes.
 */
#include <stdlib.h>

#include "daemons/registryd/files_api_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size);
	struct files_range range;
	uint8_t sha256[32];
	bool there;

	if (files_read_range(text, &range) &&
		(!range.partial || range.first >= range.total || range.total > INT64_MAX))
		abort();
	if (!files_read_digest(text, sha256, &there) && there)
		abort();
	return 0;
}
