/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/writer.h"

#include <pthread.h>

#include "base/log.h"
#include "daemons/registryd/problem.h"

/* A change that waits, and who for. */
struct job {
	struct entry_change change;
	struct arena arena; /* the change's texts, where it is a request's */
	struct http_later *later;
	bool *done; /* of writer_apply; else NULL */
	struct job *next;
};

struct writer {
	struct writer_options o;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* the queue, or a job of writer_apply */
	pthread_t thread;
	struct job *first, **last;
	size_t waiting;
	bool end;
	struct writer_counters counters;
};

/* ---- answers ---- */

static void answer_entry(const struct entry_change *change, struct http_answer *answer)
{
	const struct entry *e = change->entry;

	if (change->kind == ENTRY_DELETE) {
		answer->status = 204;
		return;
	}
	if (change->kind == ENTRY_REGISTER) {
		answer->status = 201;
		strlist_addf(&answer->headers, "Location: /api/v1/registry/models/%s/%lld",
			e->model_name, (long long)e->version);
	}
	strlist_addf(&answer->headers, "ETag: \"%s\"", e->etag);
	strbuf_add(&answer->body, e->json, e->json_len);
	strbuf_addch(&answer->body, '\n');
}

/* "path: must not be empty": the text of ERR_INPUT begins with the field's name. */
static void answer_field(const struct err *why, struct http_answer *answer)
{
	struct problem p = {0};
	size_t n = strcspn(why->text, ": ");
	autofree char *field = xstrndup(why->text, n);
	const char *detail = why->text + n + strspn(why->text + n, ": ");

	problem_add(&p, field, "%s", *detail ? detail : why->text);
	(void)problem_answer(&p, answer);
}

static const struct {
	enum err_code code;
	unsigned status;
} statuses[] = {
	{ERR_EXISTS, 409},
	{ERR_NOTFOUND, 404},
	{ERR_BUSY, 412},
	{ERR_DENIED, 409},
	{ERR_LIMIT, 422},
};

void writer_answer(const struct entry_change *change, struct http_answer *answer)
{
	const struct err *why = &change->err;

	if (why->code == ERR_NONE) {
		answer_entry(change, answer);
		return;
	}
	if (why->code == ERR_INPUT) {
		answer_field(why, answer);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (statuses[i].code == why->code) {
			http_answer_problem(answer, statuses[i].status, "%s", why->text);
			return;
		}
	http_answer_problem(answer, 503, "%s", why->text);
	strlist_add(&answer->headers, "Retry-After: 5");
}

/* ---- batches ---- */

/* Whether a change's error is the store's and not the change's. */
static void fail_all(struct entry_change *changes, size_t n, const struct err *why)
{
	for (size_t i = 0; i < n; i++) {
		entry_change_release(&changes[i]);
		changes[i].err = *why;
		/* These words mean something else where a change is refused. */
		if (why->code != ERR_UNREACHABLE && why->code != ERR_NOSPACE)
			changes[i].err.code = ERR_SYSTEM;
	}
}

/* Applies the changes of jobs that were not refused beforehand. */
static int apply(struct writer *w, struct job **jobs, size_t n)
{
	struct entry_change *changes = xcalloc(n, sizeof(*changes));
	size_t *of = xcalloc(n, sizeof(*of)), count = 0;
	struct err why = {0};

	for (size_t i = 0; i < n; i++) {
		if (w->o.prepare)
			w->o.prepare(w->o.data, &jobs[i]->change);
		if (jobs[i]->change.err.code)
			continue;
		of[count] = i;
		changes[count++] = jobs[i]->change;
	}
	int rc = count ? entry_store_apply(w->o.store, changes, count, &why) : 0;
	if (rc < 0)
		fail_all(changes, count, &why);
	for (size_t i = 0; i < count; i++)
		jobs[of[i]]->change = changes[i];
	for (size_t i = 0; w->o.settle && i < n; i++)
		w->o.settle(w->o.data, &jobs[i]->change);
	if (rc < 0)
		log_line(LOG_ERROR, "%s: %s", entry_store_name(w->o.store), why.text);
	free(of);
	free(changes);
	return rc;
}

static void audit_job(struct writer *w, const struct job *job, unsigned status)
{
	const struct http_call *call = http_later_call(job->later);
	struct caller *caller = call->context;

	if (!caller)
		return;
	caller->audited = true;
	audit_add(w->o.audit, &(struct audit_line){.caller = caller,
				      .method = call->method,
				      .path = call->path,
				      .model_name = job->change.model_name,
				      .version = job->change.version,
				      .status = status});
}

static void free_job(struct job *job)
{
	entry_change_release(&job->change);
	arena_release(&job->arena);
	free(job);
}

/* Answers the jobs of a batch, after the audit log has them. */
static void finish(struct writer *w, struct job **jobs, size_t n)
{
	struct http_answer *answers = xcalloc(n, sizeof(*answers));
	struct err why = {0};

	for (size_t i = 0; i < n; i++) {
		if (!jobs[i]->later)
			continue;
		answers[i] = (struct http_answer)HTTP_ANSWER_INIT;
		writer_answer(&jobs[i]->change, &answers[i]);
		audit_job(w, jobs[i], answers[i].status);
	}
	(void)audit_flush(w->o.audit, &why); /* which has told of a failure */
	for (size_t i = 0; i < n; i++)
		if (jobs[i]->later) {
			struct http_later *later = jobs[i]->later;
			free_job(jobs[i]);
			http_later_answer(later, &answers[i]);
		}
	free(answers);
}

/* Takes what waits, up to a batch; 0 at the end. */
static size_t next_batch(struct writer *w, struct job **jobs)
{
	size_t n = 0;

	pthread_mutex_lock(&w->lock);
	while (!w->first && !w->end)
		pthread_cond_wait(&w->changed, &w->lock);
	while (w->first && n < WRITER_BATCH) {
		jobs[n++] = w->first;
		w->first = w->first->next;
	}
	if (!w->first)
		w->last = &w->first;
	w->waiting -= n;
	pthread_mutex_unlock(&w->lock);
	return n;
}

/* Counts a batch, and wakes those that wait for theirs. */
static void settle(struct writer *w, struct job **jobs, size_t n, int rc)
{
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < n; i++) {
		bool good = jobs[i]->change.err.code == ERR_NONE;
		w->counters.changes += good;
		w->counters.refused += !good && rc == 0;
		w->counters.failed += !good && rc < 0;
		if (jobs[i]->done)
			*jobs[i]->done = true;
	}
	w->counters.commits++;
	w->counters.failing = rc < 0;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

static void *work(void *arg)
{
	struct writer *w = arg;
	struct job **jobs = xcalloc(WRITER_BATCH, sizeof(*jobs));
	size_t n;

	while ((n = next_batch(w, jobs))) {
		size_t requests = 0;
		int rc = apply(w, jobs, n);
		/* A job of writer_apply is its caller's as soon as it is woken. */
		struct job **answered = xcalloc(n, sizeof(*answered));
		for (size_t i = 0; i < n; i++)
			if (jobs[i]->later)
				answered[requests++] = jobs[i];
		settle(w, jobs, n, rc);
		finish(w, answered, requests);
		free(answered);
	}
	free(jobs);
	return NULL;
}

/* ---- from outside ---- */

/* Queues a job; false where too many wait. */
static bool enqueue(struct writer *w, struct job *job)
{
	pthread_mutex_lock(&w->lock);
	bool room = w->waiting < w->o.queue && !w->end;
	if (room) {
		*w->last = job;
		w->last = &job->next;
		w->waiting++;
		pthread_cond_broadcast(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
	return room;
}

static bool is_full(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	bool full = w->waiting >= w->o.queue || w->end;
	pthread_mutex_unlock(&w->lock);
	return full;
}

static struct job *copy_job(const struct entry_change *change)
{
	struct job *job = xcalloc(1, sizeof(*job));
	struct arena *a = &job->arena;

	job->change = (struct entry_change){.kind = change->kind,
		.model_name = arena_strdup(a, change->model_name),
		.version = change->version,
		.path = arena_strdup(a, change->path),
		.metadata = arena_strdup(a, change->metadata),
		.creation_timestamp = arena_strdup(a, change->creation_timestamp),
		.date = arena_strdup(a, change->date),
		.if_match = arena_strdup(a, change->if_match)};
	return job;
}

bool writer_take(struct writer *w, const struct http_call *call,
	const struct entry_change *change, struct http_answer *answer)
{
	if (!is_full(w)) {
		struct job *job = copy_job(change);
		struct http_answer turned_away = HTTP_ANSWER_INIT;
		job->later = http_call_later(call);
		if (enqueue(w, job))
			return true;
		/* Others filled it meanwhile; the answer is no longer the handler's. */
		struct http_later *later = job->later;
		free_job(job);
		http_answer_problem(&turned_away, 503, "too many changes wait to be written");
		strlist_add(&turned_away.headers, "Retry-After: 1");
		http_later_answer(later, &turned_away);
		return true;
	}
	http_answer_problem(answer, 503, "too many changes wait to be written");
	strlist_add(&answer->headers, "Retry-After: 1");
	return false;
}

int writer_apply(struct writer *w, struct entry_change *change, struct err *err)
{
	bool done = false;
	struct job job = {.change = *change, .done = &done};

	if (!enqueue(w, &job))
		return err_set(err, ERR_BUSY, "too many changes wait to be written");
	pthread_mutex_lock(&w->lock);
	while (!done)
		pthread_cond_wait(&w->changed, &w->lock);
	pthread_mutex_unlock(&w->lock);
	*change = job.change;
	if (change->err.code == ERR_NONE)
		return 0;
	if (err)
		*err = change->err;
	return -1;
}

struct writer_counters writer_counters(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	struct writer_counters counters = w->counters;
	counters.waiting = w->waiting;
	pthread_mutex_unlock(&w->lock);
	return counters;
}

struct writer *writer_start(const struct writer_options *options, struct err *err)
{
	struct writer *w = xcalloc(1, sizeof(*w));

	w->o = *options;
	w->last = &w->first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	if (pthread_create(&w->thread, NULL, work, w) == 0)
		return w;
	free(w);
	err_set(err, ERR_SYSTEM, "cannot start a thread");
	return NULL;
}

void writer_stop(struct writer *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->end = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
