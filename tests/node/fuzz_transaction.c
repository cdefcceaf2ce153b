/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transaction's journal as a crash, a full disk or a person may leave it: it is read or left
 * out line by line, and what is read is such that undo may work with it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/transaction_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A directory of this process with the input as its journal. */
static int make_directory(const uint8_t *data, size_t size, char path[64])
{
	snprintf(path, 64, "/tmp/modelfleet-fuzz-journal.%d", (int)getpid());
	if (mkdir(path, 0700) < 0)
		abort();
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || transaction_write_file(fd, "journal", (const char *)data, size, NULL) < 0)
		abort();
	return fd;
}

static void expect_sane(const struct record *r)
{
	if (!r->path || (r->kind < RECORD_SERVICE && *r->path != '/') ||
		(r->kind == RECORD_LINK && !r->target) ||
		(r->kind == RECORD_SERVICE && (!r->service.manager || !r->service.unit)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(records_release) struct records records;
	struct transaction_head head;
	struct err err = {0};
	char path[64];
	autofd int fd = make_directory(data, size, path);

	if (journal_read(fd, &records, &err) == 0 && records.good > size)
		abort();
	for (size_t i = 0; i < records.count; i++)
		expect_sane(&records.items[i]);
	/* The same bytes as a head: texts within their bounds. */
	if (transaction_write_file(fd, "head", (const char *)data, size, NULL) < 0)
		abort();
	if (transaction_read_head(fd, &head, &err) == 0 &&
		strlen(head.title) >= sizeof(head.title))
		abort();
	path_remove_tree(path, NULL);
	return 0;
}
