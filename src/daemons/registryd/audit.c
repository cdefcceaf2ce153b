/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/audit.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"

/* Bytes of lines that wait for a disk that takes none; beyond it they are lost, and said so. */
#define WAITING_MAX (8u << 20)

struct audit {
	char *path;
	int64_t max_bytes, keep;
	int fd;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	struct strbuf waiting;
	uint64_t added, written; /* lines; added - written wait */
	bool end, failing;
	struct err failure;
};

/* ---- the file ---- */

static int open_file(struct audit *a, struct err *err)
{
	autofree char *dir = path_dirname(a->path);

	fd_close(&a->fd);
	if (path_mkdirs(dir, 0755, err) < 0)
		return -1;
	a->fd = open(a->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (a->fd < 0)
		return err_sys(err, "%s", a->path);
	return dir_sync(dir, err);
}

/* FILE becomes FILE.1, FILE.1 FILE.2 ...; the last goes. */
static int rotate(struct audit *a, struct err *err)
{
	for (int64_t i = a->keep; i > 0; i--) {
		autofree char *to = xasprintf("%s.%lld", a->path, (long long)i);
		autofree char *from = i > 1 ? xasprintf("%s.%lld", a->path, (long long)i - 1)
					    : xstrdup(a->path);
		if (path_exists(from) && rename(from, to) < 0)
			return err_sys(err, "rename %s", from);
	}
	return open_file(a, err);
}

static int write_lines(struct audit *a, const struct strbuf *lines, struct err *err)
{
	struct stat st;

	if (a->fd < 0 && open_file(a, err) < 0)
		return -1;
	if (fstat(a->fd, &st) < 0)
		return err_sys(err, "%s", a->path);
	if (st.st_size > 0 && st.st_size + (off_t)lines->len > a->max_bytes &&
		rotate(a, err) < 0)
		return -1;
	if (fd_write_all(a->fd, lines->data, lines->len) < 0 || fdatasync(a->fd) < 0)
		return err_sys(err, "%s", a->path);
	return 0;
}

/* ---- the thread ---- */

static void report(struct audit *a, int rc, const struct err *err)
{
	if (rc < 0 && !a->failing)
		log_line(LOG_ERROR, "the audit log cannot be written: %s", err->text);
	else if (rc == 0 && a->failing)
		log_info("the audit log is written again");
	a->failing = rc < 0;
	a->failure = *err;
}

static void *work(void *arg)
{
	struct audit *a = arg;

	pthread_mutex_lock(&a->lock);
	for (;;) {
		while (!a->waiting.len && !a->end)
			pthread_cond_wait(&a->changed, &a->lock);
		if (!a->waiting.len)
			break;
		struct strbuf lines = a->waiting;
		uint64_t upto = a->added;
		struct err err = {0};
		strbuf_init(&a->waiting);
		pthread_mutex_unlock(&a->lock);
		int rc = write_lines(a, &lines, &err);
		strbuf_release(&lines);
		pthread_mutex_lock(&a->lock);
		report(a, rc, &err);
		a->written = upto;
		pthread_cond_broadcast(&a->changed);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* ---- lines ---- */

static void add_text(struct strbuf *out, const char *name, const char *text)
{
	strbuf_addf(out, ", \"%s\": ", name);
	strbuf_addjson(out, text, strlen(text));
}

static void format(struct strbuf *out, const struct audit_line *line)
{
	char now[32];

	clock_rfc3339(time(NULL), now);
	strbuf_addf(out, "{\"time\": \"%s\"", now);
	add_text(out, "who", line->caller->name);
	add_text(out, "role", role_name(line->caller->role));
	add_text(out, "from", line->caller->client);
	autofree char *what = xasprintf("%s %s", line->method, line->path);
	add_text(out, "what", what);
	if (line->model_name) {
		add_text(out, "model_name", line->model_name);
		strbuf_addf(out, ", \"version\": %lld", (long long)line->version);
	}
	strbuf_addf(out, ", \"status\": %u}\n", line->status);
}

void audit_add(struct audit *audit, const struct audit_line *line)
{
	if (!audit->path)
		return;
	pthread_mutex_lock(&audit->lock);
	if (audit->waiting.len < WAITING_MAX)
		format(&audit->waiting, line);
	audit->added++;
	pthread_cond_broadcast(&audit->changed);
	pthread_mutex_unlock(&audit->lock);
}

int audit_flush(struct audit *audit, struct err *err)
{
	if (!audit->path)
		return 0;
	pthread_mutex_lock(&audit->lock);
	uint64_t upto = audit->added;
	while (audit->written < upto)
		pthread_cond_wait(&audit->changed, &audit->lock);
	bool failing = audit->failing;
	if (failing && err)
		*err = audit->failure;
	pthread_mutex_unlock(&audit->lock);
	return failing ? err_wrap(err, "the audit log") : 0;
}

/* ---- start and end ---- */

struct audit *audit_open(const struct config_audit *config, struct err *err)
{
	struct audit *a = xcalloc(1, sizeof(*a));

	*a = (struct audit){.path = xstrdup(config->file),
		.max_bytes = config->max_bytes,
		.keep = config->keep,
		.fd = -1};
	strbuf_init(&a->waiting);
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	if (!a->path)
		return a;
	if (open_file(a, err) == 0) {
		if (pthread_create(&a->thread, NULL, work, a) == 0)
			return a;
		err_set(err, ERR_SYSTEM, "cannot start a thread");
	}
	fd_close(&a->fd);
	free(a->path);
	free(a);
	return NULL;
}

void audit_close(struct audit *audit)
{
	if (!audit)
		return;
	if (audit->path) {
		pthread_mutex_lock(&audit->lock);
		audit->end = true;
		pthread_cond_broadcast(&audit->changed);
		pthread_mutex_unlock(&audit->lock);
		pthread_join(audit->thread, NULL);
	}
	fd_close(&audit->fd);
	strbuf_release(&audit->waiting);
	pthread_cond_destroy(&audit->changed);
	pthread_mutex_destroy(&audit->lock);
	free(audit->path);
	free(audit);
}
