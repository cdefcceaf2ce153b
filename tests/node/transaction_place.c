/* SPDX-License-Identifier: Apache-2.0 */
#include "node/transaction_place.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"

int place_make(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));
	void *dir = NULL;

	if (scratch_make(&dir) < 0)
		return -1;
	p->dir = dir;
	p->tree = path_join(dir, "tree");
	autofree char *states = path_join(dir, "state");
	setenv("MODELFLEET_STATE_DIR", states, 1);
	*state = p;
	return mkdir(p->tree, 0755);
}

int place_remove(void **state)
{
	struct place *p = *state;
	void *dir = p->dir;

	transaction_free(p->t);
	free(p->tree);
	free(p);
	return scratch_remove(&dir);
}

struct transaction *place_begin_as(const char *id)
{
	struct err err = {0};
	struct transaction *t = transaction_new(
		&(struct wire_transaction_begin){.id = id, .title = "a test"}, &err);

	if (!t)
		fail_msg("%s", err.text);
	return t;
}

void place_begin(struct place *p, const char *id)
{
	p->t = place_begin_as(id);
}

void place_let_go(struct place *p)
{
	transaction_free(p->t);
	p->t = NULL;
}

char *place_path(const struct place *p, const char *name)
{
	return path_join(p->tree, name);
}

void place_write(const struct place *p, const char *name, const char *text)
{
	autofree char *path = place_path(p, name);

	scratch_write(path, text);
}

void place_record(struct place *p, const char *name)
{
	autofree char *path = place_path(p, name);
	struct err err = {0};

	if (transaction_record_path(p->t, path, &err) < 0)
		fail_msg("%s", err.text);
}

void place_replace(const struct place *p, const char *name, const char *text)
{
	autofree char *path = place_path(p, name);

	assert_int_equal(file_replace(path, text, strlen(text), 0644, NULL), 0);
}

void place_undo(const char *id)
{
	struct err err = {0};

	if (transaction_undo(id, false, NULL, &err) < 0)
		fail_msg("%s", err.text);
}

void place_assert_note(const struct place *p, const char *id, const char *note)
{
	autofree char *path =
		xasprintf("%s/state/transactions/%s.reverted/outcome", p->dir, id);
	autofree char *line = xasprintf("note %s\n", note);
	AUTO(strbuf_release) struct strbuf outcome = STRBUF_INIT;

	assert_int_equal(file_read(path, 1 << 16, &outcome, NULL), 0);
	if (!strstr(outcome.data, line))
		fail_msg("there is no \"%s\" in:\n%s", line, outcome.data);
}
