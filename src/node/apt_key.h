/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two halves of the module apt_key share: the decisions (apt_key.c), and the programs
 * that are asked and told (apt_key_run.c).
 *
 * Functions that run a program return 0, -1 with err when it could not be run, or 1 when it
 * complained: the result tells the failure then.
 */
#ifndef NODE_APT_KEY_H
#define NODE_APT_KEY_H

#include "node/tools.h"

struct apt_key_work {
	struct node_call *call;
	bool absent;
	bool has_data, fetched;     /* fetched: the engine has nothing more to send */
	struct change_content data; /* a key, as text or as bytes */
	const char *file, *keyring, *keyserver;
	const char *given;       /* the id as it was given or found; NULL: none */
	const char *key_id;      /* in capital letters, without 0x */
	const char *short_id;    /* its last 8 digits, */
	const char *fingerprint; /* and its last 16 */
	/* What apt trusts, before and after, where it was listed. */
	bool listed, listed_again;
	struct strlist before, after;
};

/* Tells a failure; always 1. What was listed again has been changed, though not as asked. */
int apt_key_fail(struct apt_key_work *w, const char *msg);
/* The ids of the keys in the data or the file. */
int apt_key_read(struct apt_key_work *w, struct strlist *keys, struct err *err);
/* The ids of the keys that apt trusts, subkeys included. */
int apt_key_list(struct apt_key_work *w, struct strlist *keys, struct err *err);
/* Adds the key of the data or the file. */
int apt_key_add(struct apt_key_work *w, struct err *err);
/* Fetches the key from its server; a failure is told only when it is the last attempt. */
int apt_key_receive(struct apt_key_work *w, bool last, struct err *err);
/* Removes the key. */
int apt_key_delete(struct apt_key_work *w, struct err *err);

#endif
