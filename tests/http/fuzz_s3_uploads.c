/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a list of uploads in parts: refused, or keys and names that URLs can have. */
#include <stdlib.h>

#include "http/s3_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(s3_uploads_release) struct s3_uploads uploads = {0};
	autofree char *text = xmemdup(data, size);
	struct err err = {0};

	if (s3_uploads_read(text, size, &uploads, &err) < 0 && err.code != ERR_PROTOCOL)
		abort();
	for (size_t i = 0; i < uploads.count; i++)
		if (!*uploads.items[i].key || !str_starts(uploads.items[i].id, "uploadId=") ||
			strpbrk(uploads.items[i].id, "& \r\n#?"))
			abort();
	return 0;
}
