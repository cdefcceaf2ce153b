/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a transaction is made of. Private to the transaction*.c and watchdog*.c of node/.
 *
 * In the directory ID.STATE:
 *
 *     head       title, time, confirm_timeout, and the boot it was made in
 *     journal    one line a record
 *     kept-N     what a record's file was: a hard link to it, or a copy
 *     lock       locked by the helper that works on it, or by the one that takes it back
 *     heard      when the engine was last heard, by CLOCK_MONOTONIC
 *     outcome    when and why it was taken back, and what came of it
 */
#ifndef NODE_TRANSACTION_PRIVATE_H
#define NODE_TRANSACTION_PRIVATE_H

#include <sys/stat.h>

#include "base/str.h"
#include "base/strmap.h"
#include "node/transaction.h"

#define TRANSACTION_RECORDS_MAX 50000u
#define TRANSACTION_JOURNAL_MAX (32u << 20)
#define TRANSACTION_KEPT_MAX    (4ull << 30) /* bytes that are copied, not linked */
#define TRANSACTION_HEAD_MAX    4096u
#define TRANSACTION_OUTCOME_MAX (256u << 10)
#define TRANSACTION_LIST_MAX    1000u /* transactions that are looked at */
#define TRANSACTION_BOOT_MAX    128
#define TRANSACTION_MAKING      ".making" /* names of what is not yet, or no longer, whole */
#define TRANSACTION_GOING       ".going"

/* Another place than /var/lib/modelfleet or ~/.local/state/modelfleet. */
#define TRANSACTION_STATE_VARIABLE "MODELFLEET_STATE_DIR"

enum transaction_state {
	TRANSACTION_ABSENT,
	TRANSACTION_ARMED,
	TRANSACTION_CONFIRMED,
	TRANSACTION_REVERTING,
	TRANSACTION_REVERTED
};

struct transaction {
	char *id;
	char *title;
	uint32_t confirm_timeout;
	int base_fd; /* the directory of transactions */
	int fd;      /* its own directory; -1 before the first record */
	int lock_fd;
	int heard_fd;
	int journal_fd;
	uint64_t journal_len;
	struct strmap recorded; /* paths, to struct recorded */
	struct strlist notes;
	size_t records;
	unsigned kept;       /* number of the last kept file */
	uint64_t kept_bytes; /* copied */
};

/* What a record tells. The names in the journal are those of a table in transaction_journal.c.
 */
enum record_kind {
	RECORD_NONE, /* nothing was at the path */
	RECORD_FILE,
	RECORD_LINK,
	RECORD_DIRECTORY,
	RECORD_SPECIAL,    /* a device, a fifo, a socket */
	RECORD_ATTRIBUTES, /* owner, mode and times of whatever is there */
	RECORD_SERVICE,
	RECORD_NOTE
};

struct record {
	enum record_kind kind;
	const char *path; /* the text of a note */
	/* Of a path: its lstat, the number of the kept file (0: none), a link's target. */
	struct stat st;
	unsigned kept;
	const char *target;
	struct transaction_service service;
};

struct records {
	struct record *items;
	size_t count;
	size_t cap;
	uint64_t good; /* bytes of the journal up to the end of the last whole record */
	bool damaged;  /* whole lines follow behind a broken one: that is no cut tail */
	struct arena arena;
};

/* Appends a record to the journal and syncs it. */
int journal_append(struct transaction *t, const struct record *r, struct err *err);
/* Reads the journal of a transaction's directory; a tail that was cut is left out. */
int journal_read(int fd, struct records *out, struct err *err);
/* Frees what was read. */
void records_release(struct records *r);

/*
 * The path as undo will find it: its parent without links, "." and "..", as far as it exists.
 * New memory, or NULL with err.
 */
char *keep_canonical_path(const char *path, struct err *err);
/* Opens the parent of a canonical path without following links; *name is in path. */
int keep_parent(const char *path, const char **name);
/* Keeps what is at r->path and fills in the record: kind, st, kept, target (in the arena). */
int keep_path(struct transaction *t, struct record *r, struct arena *a, struct err *err);
/*
 * Copies content, by a reflink where there are any, and extended attributes, and syncs.
 * `limit` is lowered by what was copied; ERR_LIMIT when it does not suffice.
 */
int keep_copy(int from, int to, uint64_t *limit, struct err *err);
/* Brings a file back from its kept one; *changed says that there was something to do. */
int keep_restore_file(int dir, const struct record *r, bool *changed, struct err *err);
/* Sets owner, mode and times as recorded, of a link's own; *changed as above. */
int keep_restore_attributes(const struct record *r, bool *changed, struct err *err);

/* The directory of this user's state: above the transactions; new memory. */
char *transaction_state_directory(void);
/* The directory of this user's transactions; new memory. */
char *transaction_directory(void);
/* Opens it, making it if `make`. -1 with err. */
int transaction_open_base(bool make, struct err *err);
/* Opens root's, whose names everybody may read; -1 with errno. */
int transaction_open_roots(void);
/* 0 if an id is allowed. */
int transaction_check_id(const char *id, struct err *err);
/* The directory's name for a state; new memory. */
char *transaction_name(const char *id, enum transaction_state state);
/* The word for a state. */
const char *transaction_state_word(enum transaction_state state);
/* In which state a transaction is. */
enum transaction_state transaction_find(int base_fd, const char *id);
/* Opens the directory of a transaction in a state; -1 with errno. */
int transaction_open(int base_fd, const char *id, enum transaction_state state);
/* From one state to another in one step, synced. -1 with err; ERR_NOTFOUND: it is no longer
 * in that state. */
int transaction_move(int base_fd, const char *id, enum transaction_state from,
	enum transaction_state to, struct err *err);
/* A transaction that lies on the disk. */
struct transaction_found {
	char *id;
	enum transaction_state state;
	int64_t created; /* seconds since 1970 */
};
struct transactions_found {
	struct transaction_found *items;
	size_t count;
	size_t cap;
};
/* Finds all transactions of this user, the latest first. */
int transactions_find(int base_fd, struct transactions_found *out, struct err *err);
/* Frees the list. */
void transactions_found_release(struct transactions_found *f);
/* Removes what needs not be kept any longer, now that a new transaction begins. */
void transactions_prune(int base_fd);

struct transaction_head {
	char title[WIRE_TRANSACTION_TITLE_MAX + 1];
	int64_t created;
	uint32_t confirm_timeout;
	char boot[TRANSACTION_BOOT_MAX]; /* see transaction_boot */
};
/* Writes a small file of a transaction, synced. */
int transaction_write_file(
	int fd, const char *name, const char *text, size_t n, struct err *err);
/* Writes the head of a new transaction. */
int transaction_write_head(int fd, const struct transaction_head *h, struct err *err);
/* Reads a head; what is missing in it is empty. */
int transaction_read_head(int fd, struct transaction_head *h, struct err *err);
/* What differs from one boot of this machine (or container) to the next. */
void transaction_boot(char out[TRANSACTION_BOOT_MAX]);

/* Takes the lock of a transaction's directory. Returns its descriptor; -1 with err, ERR_BUSY
 * and the holder's process in *holder when another has it. */
int transaction_lock(int fd, pid_t *holder, struct err *err);
/* Ends a helper and what it started: SIGTERM, and SIGKILL after two seconds. */
void transaction_end_holder(pid_t holder);
/* Takes the lock, ending whoever has it when `end_holder`, else waiting for it. */
int transaction_seize(int fd, bool end_holder, struct err *err);

/* Takes a transaction back. `why` goes to its outcome. See transaction_undo. */
int transaction_revert(const char *id, const char *why, bool booting, struct item_writer *out,
	struct err *err);

/* What an undo did, for the answer and for the outcome. */
struct undo_report {
	struct strlist undone;
	struct strlist failed;
	struct strlist notes;
};
/* Brings all recorded paths back. */
void undo_paths(int fd, const struct records *records, struct undo_report *report);
/* Brings all recorded services back, in the reverse of their order. */
void undo_services(const struct records *records, bool booting, struct undo_report *report);

#endif
