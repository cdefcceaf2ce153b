/* SPDX-License-Identifier: Apache-2.0 */
/* The hosts' reports: whatever is read can be written, and reads the same again. */
#include "registry/reports.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(strbuf_release) struct strbuf first = STRBUF_INIT, second = STRBUF_INIT;
	struct reports r;

	if (reports_parse(&r, "reports.json", (const char *)data, size, NULL) < 0)
		return 0;
	reports_print(&r, &first);
	reports_release(&r);
	if (reports_parse(&r, "reports.json", first.data, first.len, NULL) < 0)
		abort();
	reports_print(&r, &second);
	reports_release(&r);
	if (strcmp(first.data, second.data) != 0)
		abort();
	return 0;
}
