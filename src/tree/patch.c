/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/delta.h"

#include <errno.h>
#include <librsync.h>

#include "base/fd.h"
#include "tree/rsync_job.h"

#define CHUNK (64u << 10)

struct patch {
	rs_job_t *job;
	struct tree_sink out;
	int basis_fd;
	uint64_t basis_size;
	uint64_t left; /* bytes that may still be written */
	bool done;
	int basis_errno; /* of a read of the basis that failed, else 0 */
	char output[CHUNK];
};

/* Reads a piece of the basis; outside of it there is nothing to copy. */
static rs_result copy_basis(void *arg, rs_long_t pos, size_t *len, void **buffer)
{
	struct patch *p = arg;

	if (pos < 0 || (uint64_t)pos > p->basis_size || *len > p->basis_size - (uint64_t)pos)
		return RS_CORRUPT;
	ssize_t got = fd_pread_full(p->basis_fd, *buffer, *len, (uint64_t)pos);
	if (got < 0) {
		p->basis_errno = errno;
		return RS_IO_ERROR;
	}
	if ((size_t)got < *len)
		return RS_INPUT_ENDED;
	return RS_DONE;
}

struct patch *patch_new(
	int basis_fd, uint64_t basis_size, const struct tree_sink *out, uint64_t max_out)
{
	struct patch *p = xcalloc(1, sizeof(*p));

	rsync_mute();
	p->out = *out;
	p->basis_fd = basis_fd;
	p->basis_size = basis_size;
	p->left = max_out;
	p->job = rs_patch_begin(copy_basis, p);
	return p;
}

void patch_free(struct patch *p)
{
	if (!p)
		return;
	job_free(&p->job);
	free(p);
}

static int write_out(struct patch *p, size_t n, struct err *err)
{
	if (n > p->left)
		return err_set(err, ERR_LIMIT, "a delta makes more than the file shall hold");
	p->left -= n;
	return n > 0 ? p->out.write(p->out.arg, p->output, n, err) : 0;
}

static int fail(const struct patch *p, rs_result r, struct err *err)
{
	errno = p->basis_errno;
	return p->basis_errno ? err_sys(err, "read the basis") : rsync_error(r, "delta", err);
}

static int iterate(struct patch *p, rs_buffers_t *b, struct err *err)
{
	rs_result result;

	do {
		b->next_out = p->output;
		b->avail_out = CHUNK;
		result = rs_job_iter(p->job, b);
		if (result != RS_DONE && result != RS_BLOCKED)
			return fail(p, result, err);
		if (write_out(p, CHUNK - b->avail_out, err) < 0)
			return -1;
	} while (result == RS_BLOCKED && (b->avail_in > 0 || b->avail_out < CHUNK));
	p->done = result == RS_DONE;
	if (p->done && b->avail_in > 0)
		return err_set(err, ERR_INPUT, "delta: bytes follow its end");
	return 0;
}

int patch_feed(struct patch *p, const void *data, size_t n, struct err *err)
{
	rs_buffers_t b = {.next_in = (char *)(uintptr_t)data, .avail_in = n};

	if (p->done && n > 0)
		return err_set(err, ERR_INPUT, "delta: bytes follow its end");
	return n > 0 ? iterate(p, &b, err) : 0;
}

int patch_end(struct patch *p, struct err *err)
{
	rs_buffers_t b = {.eof_in = 1};

	if (!p->done && iterate(p, &b, err) < 0)
		return -1;
	return p->done ? 0 : err_set(err, ERR_INPUT, "delta: it is cut");
}
