/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways out of a transaction: confirmed, or taken back.
 */
#include "node/transaction_private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "node/root.h"
#include "node/watchdog.h"

/* The first line of an outcome: when and why. */
static void read_why(int base, const char *id, enum transaction_state state, struct strbuf *out)
{
	autofd int fd = transaction_open(base, id, state);

	if (fd >= 0)
		file_read_at(fd, "outcome", TRANSACTION_OUTCOME_MAX, out, NULL);
	if (strchr(out->data, '\n'))
		strbuf_truncate(out, strcspn(out->data, "\n"));
	if (out->len == 0)
		strbuf_addstr(out, "a moment ago");
}

static int refuse_confirm(
	int base, const char *id, enum transaction_state state, struct err *err)
{
	AUTO(strbuf_release) struct strbuf why = STRBUF_INIT;

	if (state == TRANSACTION_ABSENT)
		return err_set(err, ERR_NOTFOUND,
			"this node knows no transaction %s: it has changed nothing in it, or a "
			"later one has taken its place",
			id);
	read_why(base, id, state, &why);
	return err_set(err, ERR_NOTFOUND, "this node %s transaction %s by itself, %s",
		state == TRANSACTION_REVERTED ? "has taken back" : "is taking back", id,
		why.data);
}

int transaction_confirm(const char *id, struct err *err)
{
	if (transaction_check_id(id, err) < 0)
		return -1;
	autofd int base = transaction_open_base(false, NULL);
	if (base < 0)
		return refuse_confirm(base, id, TRANSACTION_ABSENT, err);
	autofree char *armed = transaction_name(id, TRANSACTION_ARMED);
	autofree char *confirmed = transaction_name(id, TRANSACTION_CONFIRMED);
	if (renameat(base, armed, base, confirmed) < 0) {
		enum transaction_state state = transaction_find(base, id);
		if (state == TRANSACTION_CONFIRMED)
			return 0;
		return refuse_confirm(base, id, state, err);
	}
	if (fsync(base) < 0)
		return err_sys(err, "sync the confirmation of transaction %s", id);
	watchdog_disarm(id, base);
	return 0;
}

static void add_notes(const struct records *records, struct undo_report *report)
{
	for (size_t i = 0; i < records->count; i++) {
		if (records->items[i].kind == RECORD_NOTE)
			strlist_add(&report->notes, records->items[i].path);
	}
	if (records->damaged)
		strlist_add(&report->failed,
			"the journal is damaged: a record between others cannot be read");
}

static void write_list(struct strbuf *text, const char *word, const struct strlist *list)
{
	for (size_t i = 0; i < list->count; i++)
		strbuf_addf(text, "%s %s\n", word, list->items[i]);
}

/* Keeps what came of it for those who ask later. */
static void write_outcome(int fd, const char *why, const struct undo_report *report)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	char now[32];

	clock_rfc3339(time(NULL), now);
	strbuf_addf(&text, "at %s: %s\n", now, why);
	write_list(&text, "failed", &report->failed);
	write_list(&text, "note", &report->notes);
	write_list(&text, "undone", &report->undone);
	if (text.len > TRANSACTION_OUTCOME_MAX)
		strbuf_truncate(&text, TRANSACTION_OUTCOME_MAX);
	transaction_write_file(fd, "outcome", text.data, text.len, NULL);
}

static void put_list(struct item_writer *out, const char *key, const struct strlist *list)
{
	item_open_list(out, key);
	for (size_t i = 0; i < list->count; i++)
		item_put_string(out, NULL, list->items[i]);
	item_close(out);
}

static void report_release(struct undo_report *r)
{
	strlist_release(&r->undone);
	strlist_release(&r->failed);
	strlist_release(&r->notes);
}

/* Removes what was kept: nobody will ask for it again. */
static void drop_kept(int fd, const struct records *records)
{
	for (size_t i = 0; i < records->count; i++) {
		char name[32];
		snprintf(name, sizeof(name), "kept-%u", records->items[i].kept);
		if (records->items[i].kept)
			unlinkat(fd, name, 0);
	}
}

/* Does the work on a transaction that is in `reverting` and locked. */
static int work(int base, int fd, const char *id, const char *why, bool booting,
	struct undo_report *report, struct err *err)
{
	AUTO(records_release) struct records records = {0};

	write_outcome(fd, why, report);
	if (journal_read(fd, &records, err) < 0)
		return err_wrap(err, "take transaction %s back", id);
	undo_paths(fd, &records, report);
	undo_services(&records, booting, report);
	add_notes(&records, report);
	write_outcome(fd, why, report);
	if (report->failed.count > 0)
		return err_set(err, ERR_SYSTEM,
			"%zu of the changes of transaction %s could not be taken back: %s%s",
			report->failed.count, id, report->failed.items[0],
			report->failed.count > 1 ? ", ..." : "");
	if (transaction_move(base, id, TRANSACTION_REVERTING, TRANSACTION_REVERTED, err) < 0)
		return -1;
	drop_kept(fd, &records);
	return 0;
}

/* Opens and locks a transaction that is to be taken back; its state may move meanwhile. */
static int seize(
	int base, const char *id, enum transaction_state *state, int *lock, struct err *err)
{
	for (;;) {
		*state = transaction_find(base, id);
		if (*state == TRANSACTION_ABSENT)
			return err_set(err, ERR_NOTFOUND, "there is no transaction %s", id);
		autofd int fd = transaction_open(base, id, *state);
		if (fd < 0)
			continue;
		/* One who takes it back is waited for, one who works on it is not. */
		*lock = transaction_seize(fd, *state != TRANSACTION_REVERTING, err);
		if (*lock < 0)
			return -1;
		if (transaction_find(base, id) == *state) {
			int result = fd;
			fd = -1;
			return result;
		}
		fd_close(lock);
	}
}

static int revert(int base, const char *id, const char *why, bool booting,
	struct undo_report *report, struct err *err)
{
	enum transaction_state state;
	autofd int lock = -1;
	autofd int fd = seize(base, id, &state, &lock, err);

	if (fd < 0)
		return -1;
	if (state == TRANSACTION_REVERTED) {
		AUTO(strbuf_release) struct strbuf before = STRBUF_INIT;
		read_why(base, id, state, &before);
		strlist_addf(&report->notes, "it was taken back before, %s", before.data);
		return 0;
	}
	if (state != TRANSACTION_REVERTING &&
		transaction_move(base, id, state, TRANSACTION_REVERTING, err) < 0)
		return -1;
	int failed = work(base, fd, id, why, booting, report, err);
	watchdog_disarm(id, base);
	return failed;
}

int transaction_revert(
	const char *id, const char *why, bool booting, struct item_writer *out, struct err *err)
{
	AUTO(report_release) struct undo_report report = {0};

	if (transaction_check_id(id, err) < 0)
		return -1;
	autofd int base = transaction_open_base(false, err);
	if (base < 0)
		return -1;
	int failed = revert(base, id, why, booting, &report, err);
	/* Without a failure of a path there is nothing to tell: it did not come so far. */
	if (out && (!failed || report.failed.count > 0)) {
		put_list(out, "undone", &report.undone);
		put_list(out, "failed", &report.failed);
		put_list(out, "notes", &report.notes);
	}
	return failed;
}

static bool is_pending(const struct transaction_found *t)
{
	return t->state == TRANSACTION_ARMED || t->state == TRANSACTION_REVERTING;
}

/* Whether ids are of one play of a run, for two names that its inventory has for this node. */
static bool is_sibling(const char *a, const char *b)
{
	const char *end = strrchr(a, '.');
	size_t n = end ? (size_t)(end - a) + 1 : 0;

	return n > 0 && strncmp(a, b, n) == 0 && !strchr(b + n, '.');
}

/* Refuses what another helper works on; what it leaves behind may be taken back. */
static int settle_one(int base, const struct transaction_found *t, struct err *err)
{
	struct transaction_head head = {0};
	struct err why = {0};
	autofd int fd = transaction_open(base, t->id, t->state);
	autofd int lock = fd < 0 ? -1 : transaction_lock(fd, NULL, &why);

	if (fd < 0)
		return 0;
	transaction_read_head(fd, &head, NULL);
	if (lock < 0 && why.code == ERR_BUSY && t->state == TRANSACTION_ARMED)
		return err_set(err, ERR_BUSY,
			"another run changes this node and has not confirmed it: %s; wait for "
			"its end",
			head.title);
	fd_close(&lock);
	return transaction_revert(
		t->id, "a later run began before it was confirmed", false, NULL, err);
}

int transaction_settle(const char *id, struct err *err)
{
	struct transactions_found found = {0};
	autofd int base = transaction_open_base(false, NULL);
	int result = 0;

	if (base < 0)
		return 0;
	if (transactions_find(base, &found, err) < 0)
		return -1;
	/* The latest first: each is taken back to what the one before it had made. */
	for (size_t i = 0; i < found.count && result == 0; i++) {
		const struct transaction_found *t = &found.items[i];
		if (is_pending(t) && strcmp(t->id, id) != 0 && !is_sibling(t->id, id))
			result = settle_one(base, t, err);
	}
	transactions_found_release(&found);
	return result < 0 ? err_wrap(err, "what an earlier run has left") : 0;
}

bool transaction_of_root_pending(void)
{
	struct transactions_found found = {0};
	autofd int base = getuid() == 0 ? -1 : transaction_open_roots();
	bool pending = false;

	if (base < 0 || transactions_find(base, &found, NULL) < 0)
		return false;
	for (size_t i = 0; i < found.count; i++)
		pending |= is_pending(&found.items[i]);
	transactions_found_release(&found);
	return pending;
}

int transaction_undo(const char *id, bool booting, struct item_writer *out, struct err *err)
{
	return transaction_revert(id,
		booting ? "the node was booted before it was confirmed" : "on request", booting,
		out, err);
}

/* How many records there are of each sort, for a list. */
static void put_counts(struct item_writer *out, int fd)
{
	AUTO(records_release) struct records records = {0};
	int64_t paths = 0, services = 0, notes = 0;

	if (journal_read(fd, &records, NULL) < 0)
		return;
	for (size_t i = 0; i < records.count; i++) {
		paths += records.items[i].kind < RECORD_SERVICE;
		services += records.items[i].kind == RECORD_SERVICE;
		notes += records.items[i].kind == RECORD_NOTE;
	}
	item_put_int(out, "paths", paths);
	item_put_int(out, "services", services);
	item_put_int(out, "notes", notes);
}

int transaction_list(struct item_writer *out, struct err *err)
{
	struct transactions_found found = {0};
	autofd int base = transaction_open_base(false, NULL);

	if (base >= 0 && transactions_find(base, &found, err) < 0)
		return -1;
	item_open_list(out, "transactions");
	for (size_t i = 0; i < found.count; i++) {
		const struct transaction_found *t = &found.items[i];
		AUTO(strbuf_release) struct strbuf why = STRBUF_INIT;
		struct transaction_head head = {0};
		autofd int fd = transaction_open(base, t->id, t->state);
		if (fd < 0)
			continue;
		transaction_read_head(fd, &head, NULL);
		item_open_dict(out, NULL);
		item_put_string(out, "id", t->id);
		item_put_string(out, "state", transaction_state_word(t->state));
		item_put_string(out, "title", head.title);
		item_put_int(out, "created", head.created);
		item_put_int(out, "confirm_timeout", head.confirm_timeout);
		if (t->state >= TRANSACTION_REVERTING) {
			read_why(base, t->id, t->state, &why);
			item_put_string(out, "outcome", why.data);
		}
		put_counts(out, fd);
		item_close(out);
	}
	item_close(out);
	transactions_found_release(&found);
	return 0;
}
