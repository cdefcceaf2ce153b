/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transaction's journal as a crash, a full disk or a person may leave it: it is read or left
 * out line by line, and what is read is such that undo may work with it.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/transaction_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A directory of this process. */
static int make_directory(char path[64])
{
	snprintf(path, 64, "/tmp/modelfleet-fuzz-journal.%d", (int)getpid());
	if (mkdir(path, 0700) < 0)
		abort();
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		abort();
	return fd;
}

static void write_or_abort(int fd, const char *name, const void *data, size_t size)
{
	if (transaction_write_file(fd, name, data, size, NULL) < 0)
		abort();
}

/* Puts the right checksum before each line, so that the fields behind it are reached. */
static void add_sums(const uint8_t *data, size_t size, struct strbuf *out)
{
	const char *at = (const char *)data, *end = at + size;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((newline ? newline : end) - at);
		strbuf_addf(out, "%016" PRIx64 " ", str_hash(at, n));
		strbuf_add(out, at, n);
		strbuf_addch(out, '\n');
		at += n + 1;
	}
}

static void expect_sane(const struct record *r)
{
	if (!r->path || (r->kind < RECORD_SERVICE && *r->path != '/') ||
		(r->kind == RECORD_LINK && !r->target) ||
		(r->kind == RECORD_SERVICE && (!r->service.manager || !r->service.unit)))
		abort();
}

static void read_journal(int fd, const void *data, size_t size)
{
	AUTO(records_release) struct records records;

	write_or_abort(fd, "journal", data, size);
	if (journal_read(fd, &records, NULL) == 0 && records.good > size)
		abort();
	for (size_t i = 0; i < records.count; i++)
		expect_sane(&records.items[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(strbuf_release) struct strbuf summed = STRBUF_INIT;
	struct transaction_head head;
	char path[64];
	autofd int fd = make_directory(path);

	read_journal(fd, data, size);
	add_sums(data, size, &summed);
	read_journal(fd, summed.data, summed.len);
	/* The same bytes as a head: texts within their bounds. */
	write_or_abort(fd, "head", data, size);
	if (transaction_read_head(fd, &head, NULL) == 0 &&
		strlen(head.title) >= sizeof(head.title))
		abort();
	path_remove_tree(path, NULL);
	return 0;
}
