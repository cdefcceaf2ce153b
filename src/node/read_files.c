/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_files: the content of many small files in one answer.
 */
#include <sys/stat.h>

#include "base/fd.h"
#include "node/module.h"

#define TOTAL_MAX (2u << 20) /* bytes of one answer */

const struct node_arg read_files_args[] = {
	{"paths", ARG_LIST | ARG_REQUIRED},
	{NULL, 0},
};

/* One file's content, at most `left` bytes. */
static int read_one(const char *path, size_t left, struct strbuf *text, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(err, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INPUT, "%s is no file", path);
	return file_read(path, left, text, err);
}

int node_read_files(struct node_call *c, struct err *err)
{
	const char *const *paths = call_list(c, "paths", err);
	size_t left = TOTAL_MAX;

	if (!paths)
		return -1;
	item_put_bool(c->out, "changed", false);
	item_open_list(c->out, "contents");
	for (; *paths; paths++) {
		AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
		if (call_tick(c, err) < 0 ||
			read_one(call_expand(c, *paths), left, &text, err) < 0)
			return -1;
		left -= text.len;
		item_put_bytes(c->out, NULL, text.data, text.len);
	}
	item_close(c->out);
	return 0;
}
