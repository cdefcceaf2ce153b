/* SPDX-License-Identifier: Apache-2.0 */
/* One sync: the Hub's lists into the tables, a page at a time. */
#include "base/log.h"
#include "base/strmap.h"
#include "daemons/registryd/catalogue_private.h"

/* Models that are skipped and named in the log. */
#define SKIPPED_NAMED 20
/* Seconds that the lock is waited for, and between two looks. */
#define LOCK_SECONDS 3.0
#define LOCK_PAUSE   0.1

/* What the Hub's page calls LiteRT has the first tag; the others are tags of their own. */
static const char *const tags[] = {"tflite", "litert", "litert-lm", NULL};

struct sync {
	struct catalogue *c;
	struct model_writer writer;
	int64_t run; /* its row of the history */
	struct sync_result *result;
	struct strmap bad; /* names of those that could not be taken */
	bool in_transaction;
	bool incomplete; /* something of the list is not known */
};

/* ---- what the list shows ---- */

static void skip(struct sync *s, const char *id, const char *why)
{
	struct sync_result *r = s->result;

	r->skipped++;
	if (r->skipped <= SKIPPED_NAMED)
		log_warning("Skipped %s: %s", *id ? id : "a model without a name", why);
	if (r->skipped == SKIPPED_NAMED + 1)
		log_warning("Skipped more models, which are not named here");
}

static int begin(struct sync *s, struct err *err)
{
	if (s->in_transaction)
		return 0;
	if (sql_begin(s->writer.sql, SQL_WRITING, err) < 0)
		return -1;
	s->in_transaction = true;
	return 0;
}

static void count(struct sync_result *r, enum stored how)
{
	if (how == STORED_AGAIN)
		return;
	r->fetched++;
	r->created += how == STORED_CREATED;
	r->updated += how == STORED_UPDATED;
	r->unchanged += how == STORED_UNCHANGED;
}

static int take(void *data, const struct hub_model *m, struct err *err)
{
	struct sync *s = data;
	const int64_t limit = s->c->config->limit;
	enum stored how = STORED_AGAIN;
	struct err why = {0};

	if (strmap_has(&s->bad, m->id))
		return 0;
	if (begin(s, err) < 0)
		return -1;
	if (model_store(&s->writer, m, &how, &why) == 0) {
		count(s->result, how);
		return limit && s->result->fetched >= limit;
	}
	if (!model_is_at_fault(&why)) {
		if (err)
			*err = why;
		return -1;
	}
	strmap_set(&s->bad, m->id, NULL);
	s->result->fetched++;
	skip(s, m->id, why.text);
	return 0;
}

static void refuse(void *data, const char *id, const char *why)
{
	struct sync *s = data;

	if (*id && strmap_has(&s->bad, id))
		return;
	if (*id)
		strmap_set(&s->bad, id, NULL);
	else
		s->incomplete = true;
	skip(s, id, why);
}

/* A page's end is what stays, whatever comes behind it. */
static int end_page(void *data, struct err *err)
{
	struct sync *s = data;

	if (begin(s, err) < 0 || run_update(s->writer.sql, s->run, s->result, false, err) < 0)
		return -1;
	s->in_transaction = false;
	return sql_commit(s->writer.sql, err);
}

/* ---- the sync ---- */

static int list(struct sync *s, struct err *err)
{
	const struct source_options options = {
		.uri = s->c->config->endpoint, .cancel = &s->c->cancel};
	const struct hub_listing listing = {
		.tags = tags, .take = take, .refuse = refuse, .page_end = end_page, .data = s};

	log_info("Starting fetch of LiteRT models from HuggingFace...");
	int rc = hub_list_models(&options, &listing, err);
	if (rc < 0)
		return -1;
	log_info("Fetched %lld LiteRT models from HuggingFace", (long long)s->result->fetched);
	s->incomplete |= rc == 1;
	if (s->result->fetched == 0)
		return err_set(err, ERR_PROTOCOL, "the Hub lists no model: is it the Hub?");
	return 0;
}

static int mark_vanished(struct sync *s, struct err *err)
{
	if (s->incomplete)
		return 0;
	if (begin(s, err) < 0)
		return -1;
	int64_t n = model_mark_vanished(&s->writer, err);
	if (n < 0)
		return -1;
	s->result->vanished = n;
	s->in_transaction = false;
	return sql_commit(s->writer.sql, err);
}

static int check(const struct sync *s, struct err *err)
{
	const struct sync_result *r = s->result;

	if (r->skipped && r->created + r->updated + r->unchanged == 0)
		return err_set(err, ERR_INPUT, "no model could be taken, of %lld",
			(long long)r->skipped);
	return 0;
}

static int work(struct sync *s, struct err *err)
{
	if (model_writer_begin(&s->writer, err) < 0 || list(s, err) < 0 || check(s, err) < 0 ||
		mark_vanished(s, err) < 0)
		return -1;
	return sql_script(s->writer.sql, "ANALYZE ml_models; ANALYZE ml_model_tags", err);
}

static void conclude(struct sync *s, int rc, const struct err *why)
{
	struct sync_result *r = s->result;

	if (rc == 0) {
		r->status = "success";
		snprintf(r->message, sizeof(r->message),
			"Sync completed - Created: %lld, Updated: %lld, Skipped: %lld",
			(long long)r->created, (long long)r->updated, (long long)r->skipped);
		log_info("%s", r->message);
		log_info("HuggingFace LiteRT Model Sync Completed Successfully");
		return;
	}
	r->status = why->code == ERR_CANCELLED ? "interrupted" : "failed";
	snprintf(r->message, sizeof(r->message), "%s", why->text);
	log_line(LOG_ERROR, "HuggingFace LiteRT Model Sync %s: %s", r->status, r->message);
}

/* With the database's lock held. */
static int run(struct sync *s, const char *cause, struct err *err)
{
	struct err why = {0};

	s->run = run_begin(s->writer.sql, cause, err);
	if (s->run < 0)
		return -1;
	log_info("Starting HuggingFace LiteRT Model Sync");
	int rc = work(s, &why);
	sql_rollback(s->writer.sql);
	conclude(s, rc, &why);
	if (rc < 0 && err)
		*err = why;
	return run_update(s->writer.sql, s->run, s->result, true, rc < 0 ? NULL : err) < 0 ? -1
											   : rc;
}

/*
 * Takes the database's lock: 1, 0 when another sync has it, -1 with err. An instance that
 * starts has it for a moment, to look after the history; that one is waited for.
 */
static int take_lock(struct catalogue *c, struct err *err)
{
	deadline until = deadline_in(LOCK_SECONDS);
	int rc;

	while ((rc = sql_try_lock(c->sql, CATALOGUE_LOCK, err)) == 0 && !deadline_passed(until))
		if (wait_until(deadline_in(LOCK_PAUSE), &c->cancel, err) < 0)
			return -1;
	return rc;
}

/* Whether a cause of the schedule still is one: another instance may have met its time. */
static int is_due(struct catalogue *c, const char *cause, struct err *err)
{
	time_t last;

	if (strcmp(cause, "schedule") != 0 && strcmp(cause, "missed") != 0)
		return 1;
	if (run_last(c->sql, &last, err) < 0)
		return -1;
	return cron_next(&c->cron, last) <= time(NULL);
}

int catalogue_sync(
	struct catalogue *c, const char *cause, struct sync_result *result, struct err *err)
{
	struct sync s = {.c = c,
		.result = result,
		.writer = {.sql = c->sql, .endpoint = hub_endpoint(c->config->endpoint)}};

	*result = (struct sync_result){.status = "failed"};
	int rc = take_lock(c, err);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(err, ERR_BUSY, "a sync runs already");
	rc = is_due(c, cause, err);
	if (rc > 0)
		rc = run(&s, cause, err);
	else if (rc == 0)
		rc = err_set(err, ERR_BUSY, "another instance has synchronised already");
	sql_unlock(c->sql, CATALOGUE_LOCK);
	strmap_release(&s.bad, NULL);
	return rc;
}
