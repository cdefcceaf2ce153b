/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all modules share: their arguments, signs of life, and waiting.
 */
#include <poll.h>

#include "node/blob.h"
#include "node/module.h"
#include "node/request.h"
#include "node/session.h"
#include "node/users.h"

#define CALL_FDS_MAX 12

struct transaction *call_transaction(struct node_call *c)
{
	return c->node->transaction;
}

const char *call_text_or_null(struct node_call *c, const char *key)
{
	return item_text(c->arena, c->args, key);
}

const char *call_text(struct node_call *c, const char *key, struct err *err)
{
	const char *text = call_text_or_null(c, key);

	if (!text)
		err_set(err, ERR_INPUT, "\"%s\" is missing, or no text", key);
	return text;
}

double call_number(struct node_call *c, const char *key, double otherwise)
{
	const struct item *i = item_get(c->args, key);

	if (!i || (i->type != ITEM_INT && i->type != ITEM_FLOAT))
		return otherwise;
	return i->type == ITEM_INT ? (double)i->integer : i->real;
}

const char *call_expand(struct node_call *c, const char *path)
{
	char home[1024];
	struct user u;

	if (!path || *path != '~')
		return path;
	size_t n = strcspn(path, "/");
	if (n == 1)
		session_home(home);
	else if (user_by_name(arena_strndup(c->arena, path + 1, n - 1), &u))
		snprintf(home, sizeof(home), "%s", u.home);
	else
		return path;
	return arena_printf(c->arena, "%s%s", home, path + n);
}

int call_path_or_null(struct node_call *c, const char *key, const char **path, struct err *err)
{
	const struct item *given = item_get(c->args, key);

	*path = NULL;
	if (!given || given->type == ITEM_NULL)
		return 0;
	const char *text = call_text(c, key, err);
	if (!text)
		return -1;
	*path = call_expand(c, text);
	if (**path != '/')
		return err_set(err, ERR_INPUT, "%s is no absolute path", text);
	if (strlen(*path) > WIRE_PATH_MAX)
		return err_set(
			err, ERR_LIMIT, "\"%s\" is longer than %d bytes", key, WIRE_PATH_MAX);
	return 0;
}

const char *call_path(struct node_call *c, const char *key, struct err *err)
{
	const char *path;

	if (call_path_or_null(c, key, &path, err) < 0)
		return NULL;
	if (!path)
		err_set(err, ERR_INPUT, "\"%s\" is missing", key);
	return path;
}

int call_content(
	struct node_call *c, const char *key, struct change_content *content, struct err *err)
{
	const struct item *given = item_get(c->args, key);

	*content = (struct change_content){0};
	if (!given || given->type == ITEM_NULL)
		return 0;
	if (given->type == ITEM_BYTES) {
		content->data = given->text;
		content->len = given->len;
		return 1;
	}
	int fd = blob_fd(c->node, given->integer, err);
	if (fd < 0)
		return -1;
	content->path = arena_printf(c->arena, "/proc/self/fd/%d", fd);
	return 1;
}

const char *const *call_list(struct node_call *c, const char *key, struct err *err)
{
	const struct item *list = item_get(c->args, key);
	uint32_t count = list && list->type == ITEM_LIST ? list->count : 0;
	const char **texts = arena_array(c->arena, count + 1u, sizeof(*texts));

	for (uint32_t i = 0; i < count; i++) {
		const struct item *it = &list->items[i];
		if (it->type != ITEM_STRING || memchr(it->text, 0, it->len)) {
			err_set(err, ERR_INPUT, "\"%s\" holds what is no text", key);
			return NULL;
		}
		texts[i] = arena_strndup(c->arena, it->text, it->len);
	}
	return texts;
}

int call_tick(struct node_call *c, struct err *err)
{
	if (!c || c->alone)
		return 0;
	return node_heard(c->node, err) < 0 ? -1 : request_progress(c->request, 0, err);
}

/* One wait of at most a second: the number of ready descriptors, 0 when there is none yet. */
static int wait_a_second(struct node_call *c, struct pollfd *fds, unsigned count,
	deadline until, struct err *err)
{
	struct pollfd all[CALL_FDS_MAX + 1];
	struct err why = {0};
	int ready = 0;

	if (count > 0)
		for (unsigned i = 0; i < count; i++)
			all[i] = fds[i];
	all[count] = (struct pollfd){
		.fd = c && !c->alone ? node_input_fd(c->node) : -1, .events = POLLIN};
	if (wait_fds(all, count + 1, deadline_min(until, deadline_in(1)), NULL, &why) < 0 &&
		why.code != ERR_TIMEOUT) {
		if (err)
			*err = why;
		return -1;
	}
	for (unsigned i = 0; i < count; i++) {
		fds[i].revents = why.code == ERR_TIMEOUT ? 0 : all[i].revents;
		ready += fds[i].revents != 0;
	}
	return ready;
}

int call_wait(struct node_call *c, struct pollfd *fds, unsigned count, deadline until,
	struct err *err)
{
	if (count > CALL_FDS_MAX)
		return err_set(err, ERR_LIMIT, "cannot wait for %u descriptors", count);
	for (;;) {
		int ready = wait_a_second(c, fds, count, until, err);
		if (ready < 0 || call_tick(c, err) < 0)
			return -1;
		if (ready > 0)
			return ready;
		if (deadline_passed(until))
			return err_set(err, ERR_TIMEOUT, "timed out");
	}
}

int call_sleep(struct node_call *c, deadline until, struct err *err)
{
	struct err why = {0};

	if (call_wait(c, NULL, 0, until, &why) < 0 && why.code != ERR_TIMEOUT) {
		if (err)
			*err = why;
		return -1;
	}
	return 0;
}
