/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/stream.h"

#include <errno.h>

#include "base/fd.h"

static ssize_t read_range(void *arg, void *buffer, size_t n, struct err *err)
{
	struct fd_range *r = arg;
	size_t want = n < r->left ? n : (size_t)r->left;
	ssize_t got = fd_pread_full(r->fd, buffer, want, r->offset);

	if (got < 0)
		return err_sys(err, "read");
	r->offset += (uint64_t)got;
	r->left -= (uint64_t)got;
	return got;
}

struct tree_source fd_range_source(struct fd_range *r)
{
	return (struct tree_source){.read = read_range, .arg = r};
}

static int write_fd(void *arg, const void *data, size_t n, struct err *err)
{
	return fd_write_all(*(int *)arg, data, n) < 0 ? err_sys(err, "write") : 0;
}

struct tree_sink fd_sink(int *fd)
{
	return (struct tree_sink){.write = write_fd, .arg = fd};
}

static int write_strbuf(void *arg, const void *data, size_t n, struct err *err)
{
	(void)err;
	strbuf_add(arg, data, n);
	return 0;
}

struct tree_sink strbuf_sink(struct strbuf *b)
{
	return (struct tree_sink){.write = write_strbuf, .arg = b};
}
