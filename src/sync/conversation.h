/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversation with one host's helper: requests under way, and the answers that belong to
 * them. Internal to sync/.
 *
 * Requests are sent without waiting; conversation_settle and conversation_drain hand every
 * frame that arrives to the request it answers. Answers come in the order of the requests, so
 * the search for a frame's request begins at the oldest one.
 */
#ifndef SYNC_CONVERSATION_H
#define SYNC_CONVERSATION_H

#include "base/mem.h"
#include "sync/host.h"

#define ROOT 0 /* the number of our only root */

enum task_state {
	TASK_DONE,  /* nothing to do, or all done; also after a failure */
	TASK_BEGIN, /* the node needs the manifest */
	TASK_SEND   /* the plan is there: files to send, then the commit */
};

/* One model version on its way to the host. */
struct task {
	const struct wanted *wanted;
	const struct content_version *version;
	struct sync_result *result;
	enum task_state state;
	struct wire_check_head check;
	unsigned extra;        /* extra files that no pattern of the model allows */
	bool wrong;            /* drift that is to be put right */
	struct strlist extras; /* paths of the extra files, for repair */
	bool checked;          /* the head of the node's answer is in `check` */
	struct {
		struct wire_plan *items;
		size_t count, cap;
	} plan;               /* one entry for each file of the manifest */
	struct arena strings; /* of the plan */
	uint8_t stage;
	bool begun;       /* its stage is open */
	uint64_t sent_at; /* bytes sent to the host when its files were */
	bool raw;         /* second attempt: nothing compressed, no delta */
	bool damaged;     /* the node refused what arrived: try once more, raw */
	bool finished;    /* the result says what became of it */
};

/* What to do with one answer frame; -1 with err when it cannot be understood. */
struct conversation;
struct request;
typedef int (*answer_fn)(
	struct conversation *c, struct request *r, const struct frame *f, struct err *err);

struct request {
	uint32_t id;
	struct task *task; /* NULL for requests about the host */
	answer_fn answer;
	uint32_t index;          /* FILE_PUT: into the manifest's entries */
	struct spool_item *item; /* FILE_PUT: what was sent, if it came from the spool */
	bool given_up;           /* FILE_PUT: what is left goes by another request */
	bool done;
	struct err err; /* the node's ERROR, if that was the answer */
};

struct conversation {
	struct link *link;
	struct content *content;
	const struct host_models *models;
	const struct sync_options *o;
	struct sync_report *report;
	struct task *tasks;
	size_t task_count;
	struct {
		struct request *items;
		size_t count, cap;
	} requests;
	size_t settled;                  /* requests before this one are answered */
	bool left_open[WIRE_STAGES_MAX]; /* stages whose commit failed */
	struct wire_disk disk;
	bool no_root;         /* check only: the root is not there */
	uint64_t done, total; /* bytes of files, for progress */
};

/* Sends a control frame and remembers who is to get its answer. */
int conversation_ask(struct conversation *c, uint8_t kind, const struct msg_writer *fields,
	struct task *task, answer_fn answer, struct err *err);
/* The same in the bulk queue, in order with streams; `flags` as the frame's. *id is the id. */
int conversation_ask_bulk(struct conversation *c, uint8_t kind, uint8_t flags,
	const struct msg_writer *fields, struct task *task, answer_fn answer, uint32_t *id,
	struct err *err);
/* Sends a piece of the stream that belongs to a request. */
int conversation_data(struct conversation *c, uint32_t id, uint8_t flags, const void *data,
	size_t n, struct err *err);
/* Hands out the frames that have arrived, without waiting. */
int conversation_drain(struct conversation *c, struct err *err);
/* Waits until all requests are answered. */
int conversation_settle(struct conversation *c, struct err *err);
/* The request with an id, or NULL. */
struct request *conversation_request(struct conversation *c, uint32_t id);
/*
 * Leaves a spool item to a request until that is answered: where the node finds that the
 * content is wrong, the item goes out of the spool.
 */
void conversation_keep(struct conversation *c, uint32_t id, struct spool_item *item);
/* Frees what the conversation's requests hold. */
void conversation_forget(struct conversation *c);
/* When the host is given up if no sign of life comes. */
deadline conversation_deadline(const struct conversation *c);
/* Counts bytes of files that are done. */
void conversation_progress(struct conversation *c, uint64_t bytes);

/* Counts a difference that is left in place, and names it in the report if it is an early one.
 */
void name_drift(struct sync_result *result, const char *path, const char *what);
/* Asks the node what it has, and decides what every task needs (compare.c). */
int compare_versions(struct conversation *c, struct err *err);

/*
 * Sends a version's manifest, which the node answers with a plan; `check`: nothing is changed
 * there (plan.c).
 */
int begin_version(struct conversation *c, struct task *t, bool check, struct err *err);
/* Notes what a plan leaves alone or finds on the node; sums up what is to be sent. */
void weigh_plan(struct conversation *c, struct task *t);
/* Asks for the plans of all tasks without a change on the node. */
int plan_only(struct conversation *c, struct err *err);
/*
 * ERR_NOSPACE where all versions together do not fit. Plans are asked for where it may be
 * close; a version that the node refuses counts whole.
 */
int check_disk(struct conversation *c, struct err *err);

/*
 * Tells what would be sent over a slow link, to the byte: compressed files and deltas are made
 * for it (check.c).
 */
int check_only(struct conversation *c, struct err *err);
/* What is not as wanted would be sent or repaired; how much that is is not asked. */
void look_only(struct conversation *c);

/* The first failure of a task is its result, and finishes it; later ones are dropped. */
void task_fail(struct task *t, const struct err *why);

/* Sends all files of a task that its plan asks for (send.c). */
int send_files(struct conversation *c, struct task *t, struct err *err);
/* Commits a task whose files were sent; gives its stage up if it failed. */
int send_commit(struct conversation *c, struct task *t, struct err *err);
/* How many bytes one file would put on the link, and whether as a delta (send.c). */
int measure_stream(struct conversation *c, struct task *t, const struct wire_plan *p,
	uint64_t *bytes, bool *delta, struct err *err);
/* Appends the signature of a basis that lies on the node (a content_pull_signature). */
int pull_signature(
	void *conversation, const struct wire_plan *basis, struct strbuf *out, struct err *err);

#endif
