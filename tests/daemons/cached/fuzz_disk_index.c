/* SPDX-License-Identifier: Apache-2.0 */
/* The disk store's index: what is read once is written and read again as it was. */
#include <stdlib.h>

#include "daemons/cached/disk_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(disk_index_release) struct disk_index first = {0}, second = {0};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT, again = STRBUF_INIT;

	if (disk_index_read(&first, (const char *)data, size, NULL) < 0)
		return 0;
	disk_index_write(&first, &text);
	if (disk_index_read(&second, text.data, text.len, NULL) < 0)
		abort();
	disk_index_write(&second, &again);
	if (strcmp(text.data, again.data) != 0)
		abort();
	(void)disk_index_oldest(&first);
	(void)disk_index_bytes(&first);
	return 0;
}
