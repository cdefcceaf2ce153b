/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All entries of a registry as of one moment, in the order of their creation. A list that was
 * handed out does not change; it is counted by references, from any thread.
 */
#ifndef REGISTRYD_STORE_LIST_H
#define REGISTRYD_STORE_LIST_H

#include "daemons/registryd/entry.h"

#define ENTRY_CURSOR_MAX (ENTRY_NAME_MAX + 48)

/* A set of entries by name and version, or by name alone: open addressing. */
struct entry_table {
	const struct entry **slots;
	size_t size; /* a power of two, or 0 */
	size_t count;
	bool by_name;
};

struct entry_list {
	const struct entry **items;
	size_t count, cap;
	uint64_t last; /* the highest position that was ever given */
	/*
	 * Numbers the lists of one store in this process: as long as it is the same, so is the
	 * list.
	 */
	uint64_t generation;
	/* Of all entries in their order: the same wherever the same entries are served. */
	char etag[ENTRY_ETAG_MAX];

	struct entry_table versions;
	struct entry_table production;
	atomic_uint references;
};

/* Takes a reference more. */
struct entry_list *entry_list_ref(struct entry_list *list);
/* Gives one back; NULL is fine. */
void entry_list_unref(struct entry_list *list);
/* `AUTO(entry_list_unrefp) struct entry_list *list = ...` */
void entry_list_unrefp(struct entry_list **list);

/* A version of a model, or NULL; valid as long as the list, as all that follows. */
const struct entry *entry_list_find(
	const struct entry_list *list, const char *model_name, int64_t version);
/* The production version of a model, or NULL. */
const struct entry *entry_list_production(
	const struct entry_list *list, const char *model_name);

/* A page of a list; entry_page_release frees it. */
struct entry_page {
	const struct entry **items;
	size_t count, cap;
	/* What asks for the next page; "" where this is the last one. Fit for a URL. */
	char next[ENTRY_CURSOR_MAX];
};

/*
 * Fills a page: the entries of a model (NULL: of all) behind a cursor (NULL: from the
 * beginning), at most `limit` of them (0: all). Entries that came or went since the cursor was
 * made move nothing: it names the entry that was last, and where that one stood. ERR_INPUT for
 * a cursor that is none.
 */
int entry_list_page(const struct entry_list *list, const char *model_name, const char *cursor,
	size_t limit, struct entry_page *out, struct err *err);
/* Frees the array. */
void entry_page_release(struct entry_page *page);

/* For stores: a new list without entries. */
struct entry_list *entry_list_new(void);
/* A list of its own with the same entries, to be changed and then handed out. */
struct entry_list *entry_list_copy(const struct entry_list *list);
/* Appends an entry whose position is beyond those of all others; takes the caller's reference.
 */
void entry_list_add(struct entry_list *list, struct entry *entry);
/*
 * Puts an entry in the place of the one with its position, name and version; takes the
 * caller's reference. Of a name one entry at a time may be production.
 */
void entry_list_replace(struct entry_list *list, struct entry *entry);
/* Takes an entry of the list out. */
void entry_list_remove(struct entry_list *list, const struct entry *entry);
/* Ends the changes: computes the etag. */
void entry_list_seal(struct entry_list *list);

#endif
