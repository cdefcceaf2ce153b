/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What verify-store has done so far, in the user's state directory: one JSON object a line, the
 * first for the store, each other for a version. A line that a crash cut counts for nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/strmap.h"
#include "cli/verify.h"
#include "history/identity.h"
#include "value/json.h"

#define STATE_MAX (64u << 20)

static char *state_path(const char *location)
{
	autofree char *state = path_user_dir("state");
	autofree char *name = identity_path_name(location);

	return xasprintf("%s/verify/%s.jsonl", state, name);
}

static uint64_t get_number(const struct value *v, const char *key)
{
	const struct value *n = value_dict_get(v, key);

	return n && n->kind == VALUE_INT && n->integer > 0 ? (uint64_t)n->integer : 0;
}

static bool get_bool(const struct value *v, const char *key)
{
	const struct value *b = value_dict_get(v, key);

	return b && b->kind == VALUE_BOOL && b->boolean;
}

static void get_finding(const struct value *v, struct verify_report *r)
{
	const char *kind = value_text(value_dict_get(v, "kind"));
	const char *path = value_text(value_dict_get(v, "path"));
	const char *text = value_text(value_dict_get(v, "text"));

	for (unsigned k = 0; kind && path && text && k <= VERIFY_MANIFEST; k++)
		if (strcmp(kind, verify_kind_name(k)) == 0)
			verify_add(r, k, path, "%s", text);
}

static void get_report(const struct value *v, struct verify_report *r)
{
	const struct value *findings = value_dict_get(v, "findings");

	r->described = get_bool(v, "described");
	r->files = get_number(v, "files");
	r->bytes = get_number(v, "bytes");
	r->remembered = get_number(v, "remembered");
	if (findings && findings->kind == VALUE_LIST)
		value_list_foreach (finding, findings)
			get_finding(finding, r);
	r->dropped = get_number(v, "dropped");
}

/* Takes over one line; true if it told of a version that is asked for. */
static bool take_line(const struct strmap *items, const char *line, size_t n)
{
	AUTO(arena_release) struct arena a = {0};
	const struct value *v = json_read(&a, line, n, NULL, NULL, NULL, NULL);
	const char *model = value_text(value_dict_get(v, "model"));
	const char *version = value_text(value_dict_get(v, "version"));

	if (!model || !version)
		return false;
	autofree char *path = xasprintf("%s/%s", model, version);
	struct verify_item *item = strmap_get(items, path);
	if (!item || item->done)
		return false;
	get_report(v, &item->report);
	item->done = item->earlier = true;
	return true;
}

static size_t take_over(struct verify *v, const struct strbuf *text)
{
	AUTO(strbuf_release) struct strbuf path = STRBUF_INIT;
	struct strmap items = {0};
	size_t taken = 0;

	for (size_t i = 0; i < v->count; i++) {
		strbuf_clear(&path);
		strbuf_addf(&path, "%s/%s", v->items[i].model, v->items[i].version);
		strmap_set(&items, path.data, &v->items[i]);
	}
	for (const char *at = text->data, *end; (end = strchr(at, '\n')); at = end + 1)
		taken += take_line(&items, at, (size_t)(end - at));
	strmap_release(&items, NULL);
	return taken;
}

/* Opens the file for more lines, emptied unless the run goes on with them. */
static void open_notes(struct verify *v, bool keep)
{
	autofree char *dir = path_dirname(v->state_path);
	struct err err = {0};

	if (path_mkdirs(dir, 0700, &err) == 0) {
		v->state_fd = open(v->state_path,
			O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (keep ? 0 : O_TRUNC), 0600);
		if (v->state_fd < 0)
			err_sys(&err, "open %s", v->state_path);
	}
	if (v->state_fd < 0)
		log_warning("this run cannot be resumed: %s", err.text);
}

size_t verify_state_open(struct verify *v)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t taken = 0;

	v->state_path = state_path(v->location.data);
	if (v->resume && file_read(v->state_path, STATE_MAX, &text, NULL) == 0)
		taken = take_over(v, &text);
	/* Behind a line that was cut, the next would be lost as well. */
	bool whole = text.len && text.data[text.len - 1] == '\n';
	open_notes(v, taken > 0);
	if (taken && !whole && v->state_fd >= 0 && fd_write_all(v->state_fd, "\n", 1) < 0)
		fd_close(&v->state_fd);
	return taken;
}

void verify_state_note(struct verify *v, const struct verify_item *item)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;

	if (v->state_fd < 0)
		return;
	strbuf_addch(&line, '{');
	verify_add_json(item, &line);
	strbuf_addstr(&line, "}\n");
	if (fd_write_all(v->state_fd, line.data, line.len) < 0) {
		log_warning(
			"this run cannot be resumed: %s: %s", v->state_path, strerror(errno));
		fd_close(&v->state_fd);
	}
}

void verify_state_finish(struct verify *v)
{
	fd_close(&v->state_fd);
	unlink(v->state_path);
}
