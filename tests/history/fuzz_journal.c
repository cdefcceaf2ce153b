/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Journal entries: what reads is written and read again, and comes out the same.
 */
#include <stdio.h>

#include "history/journal_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(journal_run_release) struct journal_run run = {0};
	AUTO(journal_run_release) struct journal_run again = {0};
	AUTO(strbuf_release) struct strbuf first = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf second = STRBUF_INIT;
	struct err err;

	if (journal_decode((const char *)data, size, "fuzz", &run, &err) < 0)
		return 0;
	if (journal_encode(&run, &first, &err) < 0)
		return 0;
	if (journal_decode(first.data, first.len, "again", &again, &err) < 0 ||
		journal_encode(&again, &second, &err) < 0 ||
		strcmp(first.data, second.data) != 0) {
		fprintf(stderr, "%s\n%s\n%s\n", err.text, first.data, second.data);
		abort();
	}
	return 0;
}
