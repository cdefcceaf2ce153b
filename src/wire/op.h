/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations: the kinds of frames, and the fields of each request and answer as structs
 * with one function that writes and one that reads them. Engine and helper share these, so
 * that a field exists in one place. PROTOCOL.md tells what each operation does.
 *
 * Strings in a struct that was read point into the frame's payload and live as long as it.
 * The put functions never fail themselves: see msg_writer. The get functions return 0, or
 * -1 with ERR_PROTOCOL.
 */
#ifndef WIRE_OP_H
#define WIRE_OP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/message.h"

enum wire_kind {
	/* Answers and streams. */
	WIRE_REPLY = 1, /* fields of the operation; MORE when further frames follow */
	WIRE_ERROR = 2, /* struct wire_error; ends the request; id 0 concerns the whole ctx */
	WIRE_EVENT = 3, /* struct wire_progress; any number of them before the answer */
	WIRE_DATA = 4,  /* a piece of a request's stream; LAST ends it */
	WIRE_BYE = 5,   /* asked: end; answered: the helper ended cleanly */

	/* Requests. */
	WIRE_HELLO = 16,
	WIRE_PING = 17,
	WIRE_ECHO = 18,
	WIRE_BECOME = 19,
	WIRE_COPY_SELF = 20,
	WIRE_PRUNE_HELPERS = 21,
	WIRE_ROOT_OPEN = 32,
	WIRE_ROOT_CLOSE = 33,
	WIRE_DISK = 34,
	WIRE_LIST = 35,
	WIRE_LINKED = 36,
	WIRE_VERSION_CHECK = 48,
	WIRE_VERSION_BEGIN = 49,
	WIRE_FILE_PUT = 50,
	WIRE_VERSION_COMMIT = 51,
	WIRE_VERSION_ABORT = 52,
	WIRE_VERSION_REMOVE = 53,
	WIRE_EXTRA_REMOVE = 54,
	WIRE_VERSION_USAGE = 55,
	WIRE_STAGING_REMOVE = 56,
	WIRE_TRASH_EMPTY = 57,
	WIRE_SIGNATURE = 64,
	WIRE_MANIFEST_MAKE = 65,
	WIRE_FILE_READ = 66,
	WIRE_NOTE_READ = 67,
	WIRE_NOTE_WRITE = 68,
	WIRE_MANIFEST_REHASH = 69,
	WIRE_MODULE = 80,
	WIRE_BLOB_PUT = 81,
	WIRE_BLOB_DROP = 82,
	WIRE_TRANSACTION_BEGIN = 96,
	WIRE_TRANSACTION_CONFIRM = 97,
	WIRE_TRANSACTION_UNDO = 98,
	WIRE_TRANSACTION_LIST = 99,
	WIRE_TUNNEL_OPEN = 112,
	WIRE_TUNNEL_EXCHANGE = 113,
	WIRE_TUNNEL_CLOSE = 114
};

/* Reserved ids: engines number their requests below them. */
#define WIRE_HEARD_ID 0xffffffffu /* between helpers: the engine was heard */
#define WIRE_ALIVE_ID 0xfffffffeu /* of PINGs that only say that the engine is there */

#define WIRE_HASH_SIZE   16       /* XXH3-128 of a file, big-endian (canonical form) */
#define WIRE_DIGEST_SIZE 32       /* SHA-256 of a manifest */
#define WIRE_PATH_MAX    4095     /* a path inside a version */
#define WIRE_VERSION_MAX 200      /* "MODEL/VERSION", relative to the root */
#define WIRE_ROOTS_MAX   16       /* roots open at once: numbers 0 to 15 */
#define WIRE_STAGES_MAX  64       /* stages open at once: numbers 0 to 63 */
#define WIRE_CTX_MAX     4        /* helpers of other users at once: ctx 1 to 4 */
#define WIRE_READ_MAX    1048576u /* bytes that one FILE_READ or SIGNATURE may ask for */
#define WIRE_DRIFT_MAX   1000     /* differences listed in one answer; all are counted */

/* The name of a kind as PROTOCOL.md writes it, e.g. "VERSION_CHECK"; "?" when unknown. */
const char *wire_kind_name(uint8_t kind);

/* ERROR: an enum err_code, an errno of the node, a text, and the path it is about or "". */
struct wire_error {
	enum err_code code;
	int sys;
	const char *text;
	const char *path;
};
/* Writes an ERROR's fields; a text too long is cut. */
void wire_put_error(struct msg_writer *w, const struct wire_error *e);
/* Reads an ERROR's fields; a code from the future becomes ERR_SYSTEM. */
int wire_get_error(const struct frame *f, struct wire_error *e, struct err *err);

/* EVENT: how far a long operation is. */
struct wire_progress {
	uint64_t done;  /* bytes worked through */
	uint64_t total; /* of so many */
};
/* Writes an EVENT's fields. */
void wire_put_progress(struct msg_writer *w, const struct wire_progress *p);
/* Reads an EVENT's fields. */
int wire_get_progress(const struct frame *f, struct wire_progress *p, struct err *err);

/* HELLO's answer (the request has no fields). */
struct wire_hello {
	const char *version;  /* of the program, e.g. "0.1.0" */
	const char *machine;  /* uname -m */
	const char *hostname; /* uname -n */
	const char *user;     /* from /etc/passwd; the uid as digits when it is not there */
	const char *home;     /* $HOME, else from /etc/passwd, else "/" */
	uint32_t uid;
	uint32_t gid;
	uint32_t umask;
	int64_t now_s; /* the node's clock, seconds since 1970 */
	uint32_t now_ns;
	uint8_t root_pending; /* 1: root has changes here that an earlier run has not confirmed
			       */
};
/* Writes HELLO's answer. */
void wire_put_hello(struct msg_writer *w, const struct wire_hello *h);
/* Reads HELLO's answer. */
int wire_get_hello(const struct frame *f, struct wire_hello *h, struct err *err);

/* BECOME: start a second helper as another user. Answer: no fields, once it is there. */
#define WIRE_ARGV_MAX 32
struct wire_become {
	uint16_t ctx;     /* the number that its frames will carry, from 1 to WIRE_CTX_MAX */
	uint32_t seconds; /* how long it may take until the child's magic */
	const char *mark; /* the prompt that asks for the password; "" when none is expected */
	const char *password;
	uint16_t argc;
	const char *argv[WIRE_ARGV_MAX + 1]; /* NULL-terminated */
};
/* Writes BECOME's request. */
void wire_put_become(struct msg_writer *w, const struct wire_become *b);
/* Reads BECOME's request. */
int wire_get_become(const struct frame *f, struct wire_become *b, struct err *err);

/* ROOT_OPEN: from now on the number means this directory. */
enum wire_root_flag {
	WIRE_ROOT_CREATE = 1 << 0, /* make the directory and its parents if it is absent */
	WIRE_ROOT_LEASE = 1 << 1   /* take the root's lease; without it the root is read-only */
};
struct wire_root_open {
	uint8_t root;       /* chosen by the engine: 0 to WIRE_ROOTS_MAX - 1 */
	uint8_t flags;      /* enum wire_root_flag */
	uint16_t mode;      /* of directories that CREATE makes, e.g. 0755 */
	const char *path;   /* absolute, or "~" or "~/..." for the user's home */
	const char *holder; /* who holds the lease, as an error would tell another: one line */
};
/* Writes ROOT_OPEN's request. */
void wire_put_root_open(struct msg_writer *w, const struct wire_root_open *o);
/* Reads ROOT_OPEN's request. */
int wire_get_root_open(const struct frame *f, struct wire_root_open *o, struct err *err);

/* The answer of ROOT_OPEN and of DISK (whose request is one u8: the root). */
struct wire_disk {
	uint64_t bytes_free; /* available to this user */
	uint64_t bytes_total;
	uint64_t inodes_free; /* UINT64_MAX where the filesystem does not count them */
	uint32_t block_size;
};
/* Writes the state of a disk. */
void wire_put_disk(struct msg_writer *w, const struct wire_disk *d);
/* Reads the state of a disk. */
int wire_get_disk(const struct frame *f, struct wire_disk *d, struct err *err);

/* VERSION_CHECK: is this version there, and is every managed file as it was verified? */
enum wire_check_flag {
	WIRE_CHECK_REHASH = 1 << 0 /* read every file again, whatever its stat says */
};
struct wire_version_check {
	uint8_t root;
	uint8_t flags; /* enum wire_check_flag */
	const char *version;
	uint8_t digest[WIRE_DIGEST_SIZE];
};
/* Writes VERSION_CHECK's request. */
void wire_put_version_check(struct msg_writer *w, const struct wire_version_check *c);
/* Reads VERSION_CHECK's request. */
int wire_get_version_check(
	const struct frame *f, struct wire_version_check *c, struct err *err);

/*
 * VERSION_CHECK's answer: this head in the first frame, and then drift records to the end
 * of the payload, in that frame and in those that follow while MORE is set.
 */
enum wire_version_state {
	WIRE_VERSION_ABSENT = 0,   /* no such directory */
	WIRE_VERSION_VERIFIED = 1, /* there, and as verified: nothing to do */
	WIRE_VERSION_UNKNOWN = 2,  /* there, but never verified against this digest */
	WIRE_VERSION_DRIFT = 3     /* verified against this digest once, differs now */
};
struct wire_check_head {
	uint8_t state;        /* enum wire_version_state */
	uint8_t staged;       /* 1: staging of an interrupted run is there */
	uint32_t drift_count; /* all differences, also those beyond WIRE_DRIFT_MAX */
	uint64_t hashed;      /* bytes that were read again to find out */
};
/* Writes the head. */
void wire_put_check_head(struct msg_writer *w, const struct wire_check_head *h);
/* Reads the head; the reader stands at the first drift record afterwards. */
int wire_get_check_head(struct msg_reader *r, struct wire_check_head *h, struct err *err);

enum wire_drift_kind {
	WIRE_DRIFT_CHANGED = 1, /* other content */
	WIRE_DRIFT_MISSING = 2,
	WIRE_DRIFT_EXTRA = 3, /* in no manifest; the engine knows the globs that allow it */
	WIRE_DRIFT_TYPE = 4,  /* a directory, file or link where another kind should be */
	WIRE_DRIFT_MODE = 5   /* same content, other permissions */
};
struct wire_drift {
	uint8_t kind;    /* enum wire_drift_kind */
	uint8_t newer;   /* 1: modified later than the manifest's mtime */
	uint64_t size;   /* as it is on the node */
	int64_t mtime_s; /* as it is on the node */
	const char *path;
};
/* Writes a drift record. */
void wire_put_drift(struct msg_writer *w, const struct wire_drift *d);
/* Reads the next record: 1 with one, 0 at the end of the payload, -1 with err. */
int wire_get_drift(struct msg_reader *r, struct wire_drift *d, struct err *err);

/*
 * VERSION_BEGIN: opens a stage. The manifest (tree/manifest.h, serialised) follows as the
 * request's stream in DATA frames. With FRAME_CHECK nothing is made on the node, the answer
 * is what would be, and no stage stays open.
 */
enum wire_begin_flag {
	WIRE_BEGIN_UPDATE = 1 << 0 /* a differing file that is newer on the node stays */
};
struct wire_version_begin {
	uint8_t root;
	uint8_t stage; /* chosen by the engine: 0 to WIRE_STAGES_MAX - 1, not in use */
	uint8_t flags; /* enum wire_begin_flag */
	const char *version;
	uint8_t digest[WIRE_DIGEST_SIZE];
	uint32_t manifest_len; /* of the stream */
};
/* Writes VERSION_BEGIN's request. */
void wire_put_version_begin(struct msg_writer *w, const struct wire_version_begin *b);
/* Reads VERSION_BEGIN's request. */
int wire_get_version_begin(
	const struct frame *f, struct wire_version_begin *b, struct err *err);

/*
 * VERSION_BEGIN's answer: plan records, one for each entry of kind file in the manifest's
 * order, over as many frames as it takes.
 */
enum wire_plan_state {
	WIRE_PLAN_PRESENT = 1, /* in place or staged already, verified by hash */
	WIRE_PLAN_REUSED = 2,  /* cloned, copied or linked from elsewhere on the node */
	WIRE_PLAN_KEPT = 3,    /* initial_only and there: not looked at */
	WIRE_PLAN_NEWER = 4,   /* differs, is newer, and UPDATE is set: stays, is drift */
	WIRE_PLAN_SEND = 5,    /* the engine sends it, from `offset` on if that is not 0 */
	WIRE_PLAN_BASIS = 6    /* likewise, or as a delta against the basis */
};
struct wire_plan {
	uint32_t index;  /* into the manifest's entries */
	uint8_t state;   /* enum wire_plan_state */
	uint64_t offset; /* SEND, BASIS: so many first bytes of the file are staged already */
	/* BASIS only: */
	uint8_t basis_known; /* 1: basis_hash is the hash of the basis */
	uint8_t basis_hash[WIRE_HASH_SIZE];
	uint64_t basis_size;
	const char *basis_version; /* "MODEL/VERSION" where the basis lies */
	const char *basis_path;    /* its path inside that version */
};
/* Writes a plan record. */
void wire_put_plan(struct msg_writer *w, const struct wire_plan *p);
/* Reads the next record: 1 with one, 0 at the end of the payload, -1 with err. */
int wire_get_plan(struct msg_reader *r, struct wire_plan *p, struct err *err);

/*
 * FILE_PUT: one file of a stage. The payload after these fields is the first piece of the
 * stream; DATA frames carry the rest; LAST (on the request itself for a small file) ends
 * it. Answer: no fields, once the content is verified and lies in staging.
 */
enum wire_put_form {
	WIRE_PUT_WHOLE = 0, /* the content, from `offset` on */
	WIRE_PUT_DELTA = 1  /* a delta against the basis that the plan named; offset is 0 */
};
enum wire_put_encoding {
	WIRE_PUT_RAW = 0,
	WIRE_PUT_ZSTD = 1 /* the stream is one zstd frame with a window of at most 1 MiB */
};
struct wire_file_put {
	uint8_t stage;
	uint8_t form;     /* enum wire_put_form */
	uint8_t encoding; /* enum wire_put_encoding */
	uint32_t index;   /* into the manifest's entries */
	uint64_t offset;
};
#define WIRE_FILE_PUT_SIZE 15u /* of the fields: the rest of a frame is content */
/* Writes FILE_PUT's fields; content may be appended with msg_put_raw. */
void wire_put_file_put(struct msg_writer *w, const struct wire_file_put *p);
/* Reads FILE_PUT's fields; the rest of the reader is the first piece of the stream. */
int wire_get_file_put(struct msg_reader *r, struct wire_file_put *p, struct err *err);

/* VERSION_COMMIT, VERSION_ABORT: the end of a stage. */
enum wire_end_flag {
	WIRE_ABORT_DISCARD = 1 << 0 /* ABORT: remove the staging too; else it stays */
};
struct wire_version_end {
	uint8_t stage;
	uint8_t flags; /* enum wire_end_flag */
};
/* Writes the request of VERSION_COMMIT or VERSION_ABORT. */
void wire_put_version_end(struct msg_writer *w, const struct wire_version_end *e);
/* Reads the request of VERSION_COMMIT or VERSION_ABORT. */
int wire_get_version_end(const struct frame *f, struct wire_version_end *e, struct err *err);

/* VERSION_COMMIT's answer (VERSION_ABORT's has no fields). */
struct wire_committed {
	uint8_t repaired; /* 1: the version was there and was repaired inside; 0: renamed */
	uint32_t files;   /* files that are new under the final name */
	uint32_t newer;   /* files left because they are newer on the node */
};
/* Writes VERSION_COMMIT's answer. */
void wire_put_committed(struct msg_writer *w, const struct wire_committed *c);
/* Reads VERSION_COMMIT's answer. */
int wire_get_committed(const struct frame *f, struct wire_committed *c, struct err *err);

/*
 * VERSION_REMOVE, VERSION_USAGE, STAGING_REMOVE, MANIFEST_MAKE (path ""), EXTRA_REMOVE: a
 * version of a root, and for EXTRA_REMOVE the path of a file or directory inside it that no
 * manifest names.
 */
struct wire_version_ref {
	uint8_t root;
	const char *version;
	const char *path;
};
/* Writes a reference. */
void wire_put_version_ref(struct msg_writer *w, const struct wire_version_ref *v);
/* Reads a reference. */
int wire_get_version_ref(const struct frame *f, struct wire_version_ref *v, struct err *err);

/* VERSION_USAGE's answer; the answer of what removes has `frees` alone (tree/usage.h). */
struct wire_usage {
	uint64_t bytes; /* the lengths of its files */
	uint64_t frees; /* bytes of the disk that its removal gives back */
};
/* Writes what a version takes. */
void wire_put_usage(struct msg_writer *w, const struct wire_usage *u);
/* Reads what a version takes. */
int wire_get_usage(const struct frame *f, struct wire_usage *u, struct err *err);

/* The answer of VERSION_REMOVE, STAGING_REMOVE and TRASH_EMPTY (whose request is a root). */
struct wire_freed {
	uint64_t bytes; /* of the disk that the root's removals gave back and no answer told */
};
/* Writes what removals gave back. */
void wire_put_freed(struct msg_writer *w, const struct wire_freed *f);
/* Reads what removals gave back. */
int wire_get_freed(const struct frame *f, struct wire_freed *out, struct err *err);

/* LINKED's answer (its request is a root): versions that symbolic links lead to. */
struct wire_linked {
	const char *version;
};
/* Writes one of them. */
void wire_put_linked(struct msg_writer *w, const struct wire_linked *l);
/* Reads the next: 1 with one, 0 at the end of the payload, -1 with err. */
int wire_get_linked(struct msg_reader *r, struct wire_linked *l, struct err *err);

/*
 * NOTE_READ, whose answer's payloads are the bytes; and NOTE_WRITE, whose stream they are.
 */
#define WIRE_NOTE_MAX (16u << 20)
struct wire_note {
	uint8_t root;
	const char
		*name; /* of a file in the root's own directory (NOTE_WRITE in PROTOCOL.md) */
	uint32_t len;  /* NOTE_WRITE: of the stream; NOTE_READ: 0 */
};
/* Writes the request of NOTE_READ or NOTE_WRITE. */
void wire_put_note(struct msg_writer *w, const struct wire_note *n);
/* Reads the request of NOTE_READ or NOTE_WRITE. */
int wire_get_note(const struct frame *f, struct wire_note *n, struct err *err);

/*
 * MANIFEST_REHASH: as MANIFEST_MAKE, but every file is read, whatever is remembered of it, and
 * the node takes its time.
 */
struct wire_rehash {
	uint8_t root;
	const char *version;
	uint64_t bytes_per_second; /* 0: as fast as it goes */
};
/* Writes MANIFEST_REHASH's request. */
void wire_put_rehash(struct msg_writer *w, const struct wire_rehash *h);
/* Reads MANIFEST_REHASH's request. */
int wire_get_rehash(const struct frame *f, struct wire_rehash *h, struct err *err);

/* FILE_READ and SIGNATURE: a range of a file. The answer's payloads are the bytes. */
struct wire_range {
	uint8_t root;
	const char *version;
	const char *path;
	uint64_t offset; /* SIGNATURE: a multiple of block_len */
	uint64_t length; /* FILE_READ: at most WIRE_READ_MAX */
	/* SIGNATURE only; the length of its answer is at most WIRE_READ_MAX: */
	uint32_t block_len;
	uint8_t strong_len;
};
/* Writes a range. */
void wire_put_range(struct msg_writer *w, const struct wire_range *g);
/* Reads a range. */
int wire_get_range(const struct frame *f, struct wire_range *g, struct err *err);

/*
 * MODULE: one coarse operation on the node, by name. The arguments, an item tree (wire/item.h),
 * follow as the request's stream; the answer's payloads, joined, are the item tree of the
 * result. With FRAME_CHECK nothing is changed, with FRAME_DIFF the result has `diff`.
 */
/* Bytes of arguments; content beyond goes as a blob. */
#define WIRE_MODULE_ARGS_MAX    (1u << 20)
#define WIRE_MODULE_RESULT_MAX  (4u << 20)
#define WIRE_MODULE_NAME_MAX    64
#define WIRE_MODULE_TIMEOUT_MAX 31536000 /* seconds: a year */
struct wire_module {
	const char *name;
	uint32_t args_len; /* of the stream */
	double timeout;    /* seconds until the node gives the work up; 0: never */
};
/* Writes MODULE's request. */
void wire_put_module(struct msg_writer *w, const struct wire_module *m);
/* Reads MODULE's request. */
int wire_get_module(const struct frame *f, struct wire_module *m, struct err *err);

/*
 * BLOB_PUT: content for modules, kept by the helper under a number until BLOB_DROP (one u16)
 * or its end. The content follows as the request's stream and is verified.
 */
#define WIRE_BLOBS_MAX 64 /* numbers 0 to 63 */
struct wire_blob_put {
	uint16_t blob;
	uint8_t encoding; /* enum wire_put_encoding */
	uint64_t size;
	uint8_t hash[WIRE_HASH_SIZE];
};
/* Writes BLOB_PUT's request. */
void wire_put_blob_put(struct msg_writer *w, const struct wire_blob_put *b);
/* Reads BLOB_PUT's request. */
int wire_get_blob_put(const struct frame *f, struct wire_blob_put *b, struct err *err);

/*
 * TRANSACTION_BEGIN: from now on modules of this ctx record what they change. The request of
 * TRANSACTION_CONFIRM and TRANSACTION_UNDO is the id alone (a string); the answer of UNDO and
 * LIST is an item tree.
 */
#define WIRE_TRANSACTION_ID_MAX    64 /* letters, digits, '-', '.'; no '.' in front */
#define WIRE_TRANSACTION_TITLE_MAX 500
struct wire_transaction_begin {
	const char *id;
	const char *title;        /* for people who find it on the node: one line */
	uint32_t confirm_timeout; /* seconds without the engine until the node reverts; 0: no
				     watchdog */
};
/*
 * TRANSACTION_BEGIN's answer: one string. "" when the promise is whole; else what is missing
 * from it on this node, for the report (e.g. nothing takes it back after a reboot).
 */
#define WIRE_TRANSACTION_NOTE_MAX 1000
/* Writes TRANSACTION_BEGIN's request. */
void wire_put_transaction_begin(struct msg_writer *w, const struct wire_transaction_begin *t);
/* Reads TRANSACTION_BEGIN's request. */
int wire_get_transaction_begin(
	const struct frame *f, struct wire_transaction_begin *t, struct err *err);

/* TUNNEL_OPEN: a TCP connection from the node. Answer: no fields, once it is connected. */
#define WIRE_TUNNELS_MAX 8
struct wire_tunnel_open {
	uint8_t tunnel;   /* chosen by the engine: 0 to WIRE_TUNNELS_MAX - 1 */
	const char *host; /* name or address, as the node sees it; "/..." is a unix socket */
	uint16_t port;
	uint32_t milliseconds; /* until it is given up */
};
/* Writes TUNNEL_OPEN's request. */
void wire_put_tunnel_open(struct msg_writer *w, const struct wire_tunnel_open *t);
/* Reads TUNNEL_OPEN's request. */
int wire_get_tunnel_open(const struct frame *f, struct wire_tunnel_open *t, struct err *err);

/*
 * TUNNEL_EXCHANGE: writes the bytes, then waits until something can be read, the time is up,
 * or the peer has ended. Answer: one u8 (1: the peer has ended), then the bytes that came, to
 * the end of the payloads. TUNNEL_CLOSE's request is one u8.
 */
struct wire_tunnel_exchange {
	uint8_t tunnel;
	uint8_t flags;         /* 1: no more will be written */
	uint32_t milliseconds; /* at most 60000 */
	uint32_t read_max;     /* at most WIRE_READ_MAX */
	const uint8_t *data;   /* the rest of the payload */
	size_t data_len;
};
/* Writes TUNNEL_EXCHANGE's request. */
void wire_put_tunnel_exchange(struct msg_writer *w, const struct wire_tunnel_exchange *t);
/* Reads TUNNEL_EXCHANGE's request. */
int wire_get_tunnel_exchange(
	const struct frame *f, struct wire_tunnel_exchange *t, struct err *err);

/* LIST's answer (its request is one u8: the root): records over as many frames as needed. */
enum wire_listed {
	WIRE_LISTED_VERIFIED = 1, /* a version with a verified record (its stats not checked) */
	WIRE_LISTED_PLAIN = 2,    /* a directory at MODEL/VERSION without a record */
	WIRE_LISTED_STAGING = 3   /* left behind by an interrupted run */
};
struct wire_list_item {
	uint8_t kind; /* enum wire_listed */
	const char *version;
	uint8_t digest[WIRE_DIGEST_SIZE]; /* zeros but for VERIFIED */
	uint32_t files;
	uint64_t bytes;  /* sum of file sizes by the record, or in staging; 0 for PLAIN */
	int64_t written; /* STAGING: when a file of it was written last, since 1970; else 0 */
};
/* Writes an item. */
void wire_put_list_item(struct msg_writer *w, const struct wire_list_item *i);
/* Reads the next item: 1 with one, 0 at the end of the payload, -1 with err. */
int wire_get_list_item(struct msg_reader *r, struct wire_list_item *i, struct err *err);

#endif
