/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The models that the Hugging Face Hub lists under some tags, page by page: memory holds one
 * page, however many models there are.
 *
 *     struct hub_listing listing = {.tags = tags, .take = take, .data = data};
 *     if (hub_list_models(&(struct source_options){0}, &listing, err) < 0)
 *             ...
 *
 * A model with several of the tags comes several times. Private and disabled ones are left out.
 * What cannot be understood of a model is left out, too: a tag that is no text, a license of
 * another kind. What has no name is refused alone: one model never ends the list.
 *
 * The Hub's limits are obeyed (RateLimit and Retry-After, up to five minutes), and what is
 * busy, slow or cut is asked up to five times. A page that is too large for us is asked for in
 * smaller pieces, down to the one model.
 */
#ifndef SOURCE_HUB_LIST_H
#define SOURCE_HUB_LIST_H

#include <stdbool.h>

#include "source/source.h"
#include "value/value.h"

/* Models on one page, unless the listing says so. */
#define HUB_PAGE 500u
/* Pages of one tag: a list that is longer does not end. */
#define HUB_PAGES_MAX 100000u
/* What one model may have. Longer texts are as if they were not there. */
#define HUB_NAME_MAX 96u /* characters of an owner, and of a name */
#define HUB_TAGS_MAX 2000u
#define HUB_TEXT_MAX 256u

/* A model as the Hub lists it; valid while it is shown. NULL: the Hub does not say. */
struct hub_model {
	const char *id; /* OWNER/NAME, or NAME of the oldest ones */
	const char *sha, *last_modified, *created_at;
	const char *task, *library;
	const char *license; /* the Hub's word, "apache-2.0" */
	const char *gated;   /* "auto" or "manual"; NULL: anybody may have its files */
	const char **tags;
	size_t tag_count;
	int64_t downloads, likes;
};

struct hub_listing {
	const char *const *tags; /* ends with NULL; one list is made of each */
	unsigned page;           /* models on a page; 0: HUB_PAGE */
	/* Takes a model: 0 go on, 1 enough, -1 with err, which is not ERR_LIMIT. */
	int (*take)(void *data, const struct hub_model *model, struct err *err);
	/* Told of an entry that is no model; `id` is "" where that is not known. May be NULL.
	 */
	void (*refuse)(void *data, const char *id, const char *why);
	/* Called behind each page; -1 with err ends the list. May be NULL. */
	int (*page_end)(void *data, struct err *err);
	void *data;
};

/* The Hub's address that is meant by one that was given, or by none (NULL). */
const char *hub_endpoint(const char *given);
/*
 * Shows all models: 0 when every list has ended, 1 when `take` had enough. -1 with err: what
 * was shown before stays right, and it is not known what else there is. See hub_open for the
 * environment.
 */
int hub_list_models(const struct source_options *options, const struct hub_listing *listing,
	struct err *err);
/* Shows the models of one page's text; see hub_list_models. The text is changed. */
int hub_list_page(char *text, size_t n, const struct hub_listing *listing, struct err *err);

#endif
