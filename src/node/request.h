/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request under work, and how an operation answers it: fields are written into a reply
 * that is sent when the operation returns 0; records of a long answer spill into further
 * frames by themselves; a failure becomes an ERROR.
 */
#ifndef NODE_REQUEST_H
#define NODE_REQUEST_H

#include "node/node.h"
#include "wire/message.h"

struct request {
	struct node *node;
	const struct frame *frame;
	struct root *root;   /* for operations on a root */
	struct stage *stage; /* for operations on a stage */
	struct msg_writer reply;
	char path[512]; /* what an error is about, cut; set by request_about */
	int64_t event_at;
	uint64_t done; /* progress in bytes */
	uint64_t total;
	uint8_t buffer[FRAME_PAYLOAD_MAX];
};

/* What an operation works on: its request's first byte is then the number of it. */
enum op_scope {
	OP_ANYWHERE,
	OP_ROOT_READ,  /* an open root */
	OP_ROOT_WRITE, /* an open root with its lease; with FRAME_CHECK, reading is enough */
	OP_STAGE       /* an open stage */
};

struct op {
	uint8_t kind;
	uint8_t scope;       /* enum op_scope */
	uint8_t frame_flags; /* the flags that a request may have */
	size_t payload_max;  /* of the request */
	int (*handle)(struct request *q, struct err *err);
	/* Operations with a stream: called for each piece, at its end, and when it is lost. */
	int (*piece)(struct request *q, const uint8_t *data, size_t n, struct err *err);
	int (*end)(struct request *q, struct err *err);
	void (*lose)(struct node *n);
};

/* The operation of a kind, or NULL. */
const struct op *op_find(uint8_t kind);

/* Names the path that a following error is about. */
void request_about(struct request *q, const char *path);
/* Sends what the reply holds as a frame with MORE, and empties it. */
int request_flush(struct request *q, struct err *err);
/* Makes sure that n bytes fit into the reply, flushing before if need be. */
int request_room(struct request *q, size_t n, struct err *err);
/* Appends bytes to the answer, over as many frames as it takes. */
int request_bytes(struct request *q, const void *data, size_t n, struct err *err);
/* Checks a request that consists of a root's number alone; `what` names it in errors. */
int request_only_root(const struct request *q, const char *what, struct err *err);
/* A tree_progress: sends an EVENT when the last is more than a second old. arg: request. */
int request_progress(void *arg, uint64_t bytes, struct err *err);

/* The handlers of the table, each documented in wire/PROTOCOL.md under its name. */
int op_hello(struct request *q, struct err *err);
/* PING. */
int op_ping(struct request *q, struct err *err);
/* ECHO. */
int op_echo(struct request *q, struct err *err);
/* BECOME. */
int op_become(struct request *q, struct err *err);
/* COPY_SELF. */
int op_copy_self(struct request *q, struct err *err);
/* PRUNE_HELPERS. */
int op_prune_helpers(struct request *q, struct err *err);
/* ROOT_OPEN. */
int op_root_open(struct request *q, struct err *err);
/* ROOT_CLOSE. */
int op_root_close(struct request *q, struct err *err);
/* DISK. */
int op_disk(struct request *q, struct err *err);
/* LIST. */
int op_list(struct request *q, struct err *err);
/* LINKED. */
int op_linked(struct request *q, struct err *err);
/* VERSION_USAGE. */
int op_version_usage(struct request *q, struct err *err);
/* VERSION_CHECK. */
int op_version_check(struct request *q, struct err *err);
/* VERSION_BEGIN: opens the stage. */
int op_begin(struct request *q, struct err *err);
/* VERSION_BEGIN: a piece of the manifest. */
int op_begin_piece(struct request *q, const uint8_t *data, size_t n, struct err *err);
/* VERSION_BEGIN: the manifest is whole; plans. */
int op_begin_end(struct request *q, struct err *err);
/* VERSION_BEGIN: the stream was lost; closes the stage. */
void op_begin_lose(struct node *n);
/* FILE_PUT: opens the file. */
int op_put(struct request *q, struct err *err);
/* FILE_PUT: a piece of the content. */
int op_put_piece(struct request *q, const uint8_t *data, size_t n, struct err *err);
/* FILE_PUT: verifies and keeps the file. */
int op_put_end(struct request *q, struct err *err);
/* FILE_PUT: the stream was lost; what came so far stays for a resumption. */
void op_put_lose(struct node *n);
/* VERSION_COMMIT. */
int op_commit(struct request *q, struct err *err);
/* VERSION_ABORT. */
int op_abort(struct request *q, struct err *err);
/* VERSION_REMOVE. */
int op_version_remove(struct request *q, struct err *err);
/* EXTRA_REMOVE. */
int op_extra_remove(struct request *q, struct err *err);
/* STAGING_REMOVE. */
int op_staging_remove(struct request *q, struct err *err);
/* TRASH_EMPTY. */
int op_trash_empty(struct request *q, struct err *err);
/* NOTE_READ. */
int op_note_read(struct request *q, struct err *err);
/* NOTE_WRITE: makes ready for the content. */
int op_note_write(struct request *q, struct err *err);
/* NOTE_WRITE: a piece of the content. */
int op_note_write_piece(struct request *q, const uint8_t *data, size_t n, struct err *err);
/* NOTE_WRITE: the content is whole; replaces the note. */
int op_note_write_end(struct request *q, struct err *err);
/* NOTE_WRITE: the stream was lost. */
void op_note_write_lose(struct node *n);
/* SIGNATURE. */
int op_signature(struct request *q, struct err *err);
/* MANIFEST_MAKE. */
int op_manifest_make(struct request *q, struct err *err);
/* MANIFEST_REHASH. */
int op_manifest_rehash(struct request *q, struct err *err);
/* FILE_READ. */
int op_file_read(struct request *q, struct err *err);
/* MODULE: makes ready for the arguments. */
int op_module(struct request *q, struct err *err);
/* MODULE: a piece of the arguments. */
int op_module_piece(struct request *q, const uint8_t *data, size_t n, struct err *err);
/* MODULE: the arguments are whole; runs it. */
int op_module_end(struct request *q, struct err *err);
/* MODULE: the stream was lost. */
void op_module_lose(struct node *n);
/* BLOB_PUT: opens a file for the content. */
int op_blob_put(struct request *q, struct err *err);
/* BLOB_PUT: a piece of the content. */
int op_blob_put_piece(struct request *q, const uint8_t *data, size_t n, struct err *err);
/* BLOB_PUT: verifies and keeps the content. */
int op_blob_put_end(struct request *q, struct err *err);
/* BLOB_PUT: the stream was lost. */
void op_blob_put_lose(struct node *n);
/* BLOB_DROP. */
int op_blob_drop(struct request *q, struct err *err);
/* TUNNEL_OPEN. */
int op_tunnel_open(struct request *q, struct err *err);
/* TUNNEL_EXCHANGE. */
int op_tunnel_exchange(struct request *q, struct err *err);
/* TUNNEL_CLOSE. */
int op_tunnel_close(struct request *q, struct err *err);
/* TRANSACTION_BEGIN. */
int op_transaction_begin(struct request *q, struct err *err);
/* TRANSACTION_CONFIRM. */
int op_transaction_confirm(struct request *q, struct err *err);
/* TRANSACTION_UNDO. */
int op_transaction_undo(struct request *q, struct err *err);
/* TRANSACTION_LIST. */
int op_transaction_list(struct request *q, struct err *err);

/* Frees a NOTE_WRITE whose content has not all come; NULL is fine. */
void note_stream_free(struct note_stream *s);
/* Frees a MODULE whose arguments have not all come; NULL is fine. */
void module_stream_free(struct module_stream *s);

#endif
