/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a page of a list of objects: refused with a reason, or keys that are texts. */
#include <stdlib.h>

#include "http/s3.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(s3_list_release) struct s3_list list = {0};
	AUTO(strbuf_release) struct strbuf more = STRBUF_INIT;
	autofree char *text = xmemdup(data, size);
	struct err err = {0};

	if (s3_list_read(text, size, &list, &more, &err) < 0) {
		if (err.code != ERR_PROTOCOL && err.code != ERR_LIMIT)
			abort();
		return 0;
	}
	for (size_t i = 0; i < list.count; i++)
		if (!*list.items[i].key || list.items[i].size > INT64_MAX)
			abort();
	return 0;
}
