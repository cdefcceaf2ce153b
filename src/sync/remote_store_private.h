/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a store on another host share. Internal to the room.
 */
#ifndef SYNC_REMOTE_STORE_PRIVATE_H
#define SYNC_REMOTE_STORE_PRIVATE_H

#include <pthread.h>

#include "base/strmap.h"
#include "sync/remote_store.h"

#define STORE_ROOT     0
#define ANSWER_SECONDS 300.0 /* a datasink may have to hash a large version */

struct remote_store {
	struct store store;
	struct link *link;
	uint16_t ctx;
	struct spool *spool;
	const struct cancel *cancel;
	pthread_mutex_t lock;     /* guards link and versions; recursive */
	pthread_mutex_t tables;   /* guards manifests and sound; held for moments only */
	struct strmap manifests;  /* "MODEL/VERSION" -> struct manifest * */
	struct strmap sound;      /* keys of items whose content is known to be right */
	struct strlist *versions; /* "MODEL/VERSION", sorted; NULL until listed */
};

/* The store behind its head. */
static inline struct remote_store *remote(struct store *s)
{
	return (struct remote_store *)s;
}

/* Until when an answer that is asked for now has to come. */
static inline deadline remote_store_deadline(void)
{
	return deadline_in(ANSWER_SECONDS);
}

/* Sends a request and appends the payloads of its whole answer. Lock held. */
int remote_store_ask(struct remote_store *r, uint8_t kind, const struct msg_writer *w,
	struct strbuf *out, struct err *err);

/* version_usage of struct store_ops; the following are its members of these names, too. */
int remote_version_usage(struct store *s, const char *model, const char *version,
	struct tree_usage *out, struct err *err);
/* linked_versions. */
int remote_linked_versions(struct store *s, struct strlist *out, struct err *err);
/* remove_version. */
int remote_remove_version(struct store *s, const char *model, const char *version,
	uint64_t *freed, struct err *err);
/* empty_trash. */
int remote_empty_trash(struct store *s, uint64_t *freed, struct err *err);
/* read_note. */
int remote_read_note(struct store *s, const char *name, struct strbuf *out, struct err *err);
/* write_note. */
int remote_write_note(
	struct store *s, const char *name, const void *data, size_t n, struct err *err);

#endif
