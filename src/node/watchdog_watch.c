/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the watchdog does: `--watch` in this boot, `--revert-all` in the next.
 */
#include "node/transaction_private.h"

#include <errno.h>

#include "base/clock.h"
#include "base/fd.h"

#define LOOK_SECONDS 5.0 /* between two looks whether it is still armed */

/* Until when the engine has been heard, by CLOCK_MONOTONIC; 0 when that is not known. */
static int64_t heard_at(int fd)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	int64_t at;

	if (file_read_at(fd, "heard", 64, &text, NULL) < 0)
		return 0;
	strbuf_rtrim(&text);
	const char *digits = text.data + strspn(text.data, "0");
	return parse_int(digits, 0, INT64_MAX, &at) ? at : 0;
}

/* Waits while the transaction is armed and its engine is heard; the state at the end. */
static enum transaction_state wait_for_silence(
	int base, const char *id, uint32_t *timeout, struct err *err)
{
	struct transaction_head head;
	enum transaction_state state;

	while ((state = transaction_find(base, id)) == TRANSACTION_ARMED) {
		autofd int fd = transaction_open(base, id, state);
		if (fd < 0 || transaction_read_head(fd, &head, err) < 0)
			return fd < 0 && errno == ENOENT ? TRANSACTION_ABSENT : state;
		*timeout = head.confirm_timeout;
		deadline due = heard_at(fd) + (int64_t)head.confirm_timeout * 1000000000;
		if (deadline_passed(due))
			return state;
		wait_until(deadline_min(due, deadline_in(LOOK_SECONDS)), NULL, NULL);
	}
	return state;
}

int transaction_watch(const char *id, struct err *err)
{
	uint32_t timeout = 0;

	if (transaction_check_id(id, err) < 0)
		return -1;
	autofd int base = transaction_open_base(false, err);
	if (base < 0)
		return -1;
	enum transaction_state state = wait_for_silence(base, id, &timeout, err);
	if (state != TRANSACTION_ARMED && state != TRANSACTION_REVERTING)
		return 0;
	autofree char *why =
		xasprintf("nothing was heard of modelfleet for %u seconds", timeout);
	return transaction_revert(id, why, false, NULL, err);
}

/* True if a transaction is for the boot to take back. One without a timeout promised nothing;
 * one of this boot has a watchdog of its own. */
static bool is_ours(int base, const struct transaction_found *t, const char *boot)
{
	struct transaction_head head;

	if (t->state == TRANSACTION_REVERTING)
		return true;
	autofd int fd =
		t->state == TRANSACTION_ARMED ? transaction_open(base, t->id, t->state) : -1;
	return fd >= 0 && transaction_read_head(fd, &head, NULL) == 0 &&
	       head.confirm_timeout > 0 && strcmp(head.boot, boot) != 0;
}

int transaction_revert_all(struct err *err)
{
	struct transactions_found found;
	char boot[TRANSACTION_BOOT_MAX];
	struct err first = {0};
	int failed = 0;
	autofd int base = transaction_open_base(false, err);

	if (base < 0 || transactions_find(base, &found, err) < 0)
		return -1;
	transaction_boot(boot);
	/* The latest first: where two have changed the same, the earlier one knows better what
	 * was there at the beginning. */
	for (size_t i = 0; i < found.count; i++) {
		struct err why = {0};
		if (!is_ours(base, &found.items[i], boot) ||
			transaction_undo(found.items[i].id, true, NULL, &why) == 0)
			continue;
		if (!failed)
			first = why;
		failed = -1;
	}
	transactions_found_release(&found);
	return failed ? err_set(err, first.code, "%s", first.text) : 0;
}
