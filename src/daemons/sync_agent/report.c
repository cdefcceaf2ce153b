/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/sync_agent/report.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "http/client.h"

#define SEND_LIMIT 30.0

/* One report in the spool. Names are numbers of twelve digits, so that their order is theirs.
 */
struct spooled {
	uint64_t number;
	uint64_t size;
};

struct spool {
	char *path;
	struct spooled items[REPORT_SPOOL_COUNT + 1];
	size_t count;
};

static int by_number(const void *a, const void *b)
{
	const struct spooled *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static char *item_path(const struct spool *s, uint64_t number)
{
	return xasprintf("%s/%012" PRIu64 ".json", s->path, number);
}

static void drop_oldest(struct spool *s)
{
	autofree char *path = item_path(s, s->items[0].number);

	unlink(path);
	memmove(s->items, s->items + 1, --s->count * sizeof(*s->items));
}

static void take_name(struct spool *s, const char *name)
{
	struct stat st;
	int64_t number;
	autofree char *digits = xstrndup(name, strcspn(name, "."));

	if (!parse_int(digits, 1, INT64_MAX, &number) ||
		strcmp(name + strlen(digits), ".json") != 0)
		return;
	autofree char *path = item_path(s, (uint64_t)number);
	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	if (s->count > REPORT_SPOOL_COUNT) {
		qsort(s->items, s->count, sizeof(*s->items), by_number);
		drop_oldest(s);
	}
	s->items[s->count++] =
		(struct spooled){.number = (uint64_t)number, .size = (uint64_t)st.st_size};
}

static void spool_release(struct spool *s)
{
	free(s->path);
}

/* Reads what there is; a spool that is not there is empty. */
static void spool_read(struct spool *s, const struct agent_config *config)
{
	*s = (struct spool){.path = path_join(config->models_dir, REPORT_SPOOL)};
	DIR *d = opendir(s->path);
	for (struct dirent *e; d && (e = readdir(d));)
		take_name(s, e->d_name);
	if (d)
		closedir(d);
	qsort(s->items, s->count, sizeof(*s->items), by_number);
}

static uint64_t spool_size(const struct spool *s)
{
	uint64_t size = 0;

	for (size_t i = 0; i < s->count; i++)
		size += s->items[i].size;
	return size;
}

int report_add(const struct agent_config *config, const char *json, struct err *err)
{
	AUTO(spool_release) struct spool s;
	size_t n = strlen(json);

	spool_read(&s, config);
	while (s.count &&
		(s.count >= REPORT_SPOOL_COUNT || spool_size(&s) + n > REPORT_SPOOL_BYTES))
		drop_oldest(&s);
	if (path_mkdirs(s.path, 0700, err) < 0)
		return -1;
	autofree char *path = item_path(&s, s.count ? s.items[s.count - 1].number + 1 : 1);
	return file_replace(path, json, n, 0600, err);
}

/* Sends one; what the portal will never take is as good as sent. */
static int post(struct http_client *client, const struct agent_config *config,
	const struct strbuf *body, struct err *err)
{
	const struct agent_reporting *r = &config->reporting;
	AUTO(http_response_release) struct http_response response = {0};
	autofree char *key = r->api_key ? xasprintf("X-API-Key: %s", r->api_key) : NULL;
	const char *const headers[] = {"Content-Type: application/json", key, NULL};
	const struct http_request q = {.url = r->endpoint,
		.method = "POST",
		.headers = headers,
		.body = body->data,
		.body_len = body->len,
		.until = deadline_in(SEND_LIMIT)};

	if (http_perform(client, &q, &response, err) < 0)
		return -1;
	if (response.status >= 200 && response.status < 300)
		return 0;
	if (response.status == 400 || response.status == 413 || response.status == 422) {
		log_warning("the portal does not take a report, which is dropped: %d %s",
			response.status, response.reason);
		return 0;
	}
	return err_set(
		err, ERR_PROTOCOL, "the portal says %d %s", response.status, response.reason);
}

/* Sends one; what cannot be read any more is dropped. */
static int send_item(struct http_client *client, const struct agent_config *config,
	const char *path, struct err *err)
{
	AUTO(strbuf_release) struct strbuf body = STRBUF_INIT;

	if (file_read(path, REPORT_SPOOL_BYTES, &body, NULL) == 0 &&
		post(client, config, &body, err) < 0)
		return -1;
	unlink(path);
	return 0;
}

int report_send(const struct agent_config *config, const struct cancel *cancel, struct err *err)
{
	AUTO(spool_release) struct spool s;
	int rc = 0;

	spool_read(&s, config);
	if (s.count == 0)
		return 0;
	struct http_client *client =
		http_client_new(&(struct http_options){.cancel = cancel, .use_proxy = true});
	for (size_t i = 0; rc == 0 && i < s.count; i++) {
		autofree char *path = item_path(&s, s.items[i].number);
		rc = send_item(client, config, path, err);
	}
	http_client_free(client);
	return rc < 0 ? err_wrap(err, "%zu reports wait", s.count) : 0;
}
