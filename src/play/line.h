/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line: the link to one node as a runner uses it, with a helper for each user that its tasks
 * become, the blobs that lie there, and the transaction that is open there.
 *
 * Requests whose answer nobody waits for at once (TRANSACTION_BEGIN, BLOB_PUT) are noted and
 * looked at before the next module's answer, which the node gives behind theirs: they cost no
 * round trip, and no result is believed while one of them failed.
 *
 * Errors are of two kinds. What the node answered leaves the line as it was; anything else
 * breaks it: the link is closed, `lost` tells whether the node is out of reach, and the next
 * use opens the line again. A helper that loses its engine leaves its transaction to the
 * watchdog; begun again, it goes on with it.
 */
#ifndef PLAY_LINE_H
#define PLAY_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "link/link.h"
#include "sync/connection.h"
#include "wire/item.h"

#define LINE_USERS   (WIRE_CTX_MAX + 1)
#define LINE_PENDING 32

/* What lies in a helper under each number, by its hash. */
struct line_blob {
	bool used;
	uint8_t hash[WIRE_HASH_SIZE];
	uint64_t size;
};

/* One helper of a line; number 0 is the login user's. */
struct line_user {
	char *name; /* NULL: not started; the login user's is never */
	bool begun; /* TRANSACTION_BEGIN was sent for the present transaction */
	char *gap;  /* what the node cannot promise of it, for people; NULL: nothing */
	unsigned next_blob;
	struct line_blob *blobs; /* WIRE_BLOBS_MAX of them; NULL before the first */
};

/* A transaction as a play has it. */
struct line_transaction {
	const char *id; /* NULL: none */
	const char *title;
	uint32_t confirm_timeout; /* seconds */
};

struct line {
	struct connection *connection;
	struct link *link; /* NULL: closed */
	bool lost;         /* the last failure put the node out of reach */
	bool touched;      /* a module may have changed something under the transaction */
	struct {
		uint32_t id;
		uint16_t ctx;
		bool begins; /* a TRANSACTION_BEGIN: its answer tells what no watchdog covers */
	} pending[LINE_PENDING];
	unsigned pending_count;
	bool root_settled; /* what root had pending from an earlier run was looked at */
	char *gap; /* what was confirmed without the whole promise, for people; NULL: nothing */
	bool bulk; /* bulk frames were sent that the next module must not overtake */
	struct line_user users[LINE_USERS];
	struct strlist notes; /* of the last undo: what it cannot take back, in words */
	bool made; /* each of `begun` is known to have changed something: it was confirmed */
	struct strlist begun; /* users whose transaction was begun, and after the confirm those
				 who have changed something; "" is the login user */
	struct link_stats stats; /* of links that were closed */
	double stall;            /* seconds without a sign of life until the node is lost */
};

/* Starts a line that is closed; the connection outlives it. */
void line_init(struct line *l, struct connection *connection, double stall);
/* Closes the link in order, if there is one, and frees what the line holds. */
void line_release(struct line *l);
/* Opens the link if it is closed. */
int line_open(struct line *l, deadline until, const struct cancel *cancel, struct err *err);
/* False when the link has failed, which another's use of it may have noticed first. */
bool line_works(struct line *l);
/* Closes the link in order, if there is one; the next use opens it again. */
void line_close(struct line *l);
/* Closes the link at once: the node notices. */
void line_abort(struct line *l);
/* Sums up what the line's links did. */
void line_stats(const struct line *l, struct link_stats *out);

/*
 * The ctx of a user's helper, started where it is not there; NULL is the login user. The
 * transaction is begun on it, if it has an id. `until` is for becoming.
 */
int line_user(struct line *l, const char *user, const struct line_transaction *t,
	deadline until, uint16_t *ctx, struct err *err);

/*
 * Looks at the answers of what was noted; the first failure counts. Before the link is used
 * for a conversation of its own.
 */
int line_settle(struct line *l, deadline until, struct err *err);
/* True if a user's helper runs already, or is the login user's. */
bool line_has_user(const struct line *l, const char *user);

/* A module's call. */
struct line_call {
	const char *module;
	uint16_t ctx;
	uint8_t flags;             /* FRAME_CHECK, FRAME_DIFF */
	const struct strbuf *args; /* an item tree */
	double timeout;            /* seconds until the node gives up; 0: never */
	deadline until;
};
/* Calls a module on the node; its result's item tree is appended to `answer`. */
int line_module(
	struct line *l, const struct line_call *c, struct strbuf *answer, struct err *err);

/* Where a blob's content comes from. */
struct line_content {
	uint64_t size;
	uint8_t hash[WIRE_HASH_SIZE]; /* of the content */
	bool compressed;              /* what `read` gives is a zstd stream of it */
	/* Reads at an offset of what is sent; 0 at its end. */
	ssize_t (*read)(void *data, void *buffer, size_t n, uint64_t offset, struct err *err);
	void *data;
};
/* Puts content into a helper, unless it lies there; `*number` is what arguments name. */
int line_put(struct line *l, uint16_t ctx, const struct line_content *content, deadline until,
	unsigned *number, struct err *err);

/*
 * Ends the transaction for good, for every user that began it, opening line and helpers where
 * they are closed. ERR_NOTFOUND: the node took it back itself.
 */
int line_confirm(struct line *l, const char *id, deadline until, const struct cancel *cancel,
	struct err *err);
/* The same for one under which nothing was changed: no answer is waited for. */
void line_confirm_empty(struct line *l, const char *id, deadline until);
/*
 * Takes back what was done under an id by every user that began it, the privileged ones first,
 * opening line and helpers where they are closed. -1 with err, which names what could not be
 * put back.
 */
int line_undo(struct line *l, const char *id, deadline until, const struct cancel *cancel,
	struct err *err);
/* Forgets the transaction: the next one is begun anew. */
void line_end_transaction(struct line *l);
/*
 * Keeps the line, and the watchdogs behind it, waiting until `until`. -1 when it broke, or with
 * ERR_CANCELLED.
 */
int line_idle(struct line *l, deadline until, const struct cancel *cancel, struct err *err);

#endif
