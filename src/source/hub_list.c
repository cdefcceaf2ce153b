/* SPDX-License-Identifier: Apache-2.0 */
#include "source/hub_list.h"

#include <stdlib.h>

#include "source/hub.h"

#define TRIES     5u
#define PAUSE_MAX 310.0 /* seconds: the Hub's limits are of five minutes */

static const char *const fields[] = {"sha", "lastModified", "createdAt", "tags", "pipeline_tag",
	"library_name", "private", "gated", "disabled", "downloads", "likes", "cardData"};

/* ---- URLs ---- */

static void first_url(const struct source_server *s, const char *tag, struct strbuf *url)
{
	strbuf_addf(url, "%s/api/models", s->base);
	source_add_query(url, "filter", tag);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		source_add_query(url, "expand", fields[i]);
}

/* Where a query's number "limit" begins, or NULL. */
static char *find_limit(char *url)
{
	static const char name[] = "limit=";

	for (char *at = strstr(url, name); at; at = strstr(at + 1, name))
		if (at > url && strchr("?&", at[-1]))
			return at + strlen(name);
	return NULL;
}

/* Makes a URL ask for so many models. */
static void set_limit(struct strbuf *url, unsigned limit)
{
	AUTO(strbuf_release) struct strbuf rest = STRBUF_INIT;
	char *at = find_limit(url->data);

	if (!at) {
		strbuf_addf(url, "%climit=%u", strchr(url->data, '?') ? '&' : '?', limit);
		return;
	}
	strbuf_addstr(&rest, at + strspn(at, "0123456789"));
	strbuf_truncate(url, (size_t)(at - url->data));
	strbuf_addf(url, "%u%s", limit, rest.data);
}

/* ---- lists ---- */

/* A list under way. */
struct walk {
	struct source_server *server;
	const struct hub_listing *listing;
	struct strbuf url; /* of the page that is next */
};

static unsigned page_size(const struct hub_listing *l)
{
	return l->page ? l->page : HUB_PAGE;
}

static int get_page(struct walk *w, struct http_response *r, struct err *err)
{
	if (source_get(w->server, w->url.data, r, err) < 0)
		return -1;
	return hub_list_page(r->body.data, r->body.len, w->listing, err);
}

/*
 * Shows the page, in smaller pieces where it is too much. A single model that is too much is
 * refused: the headers lead beyond it.
 */
static int show_page(struct walk *w, struct http_response *r, struct err *err)
{
	const struct hub_listing *l = w->listing;
	struct err why = {0};

	for (unsigned limit = page_size(l); limit; limit /= 2) {
		err_clear(&why);
		set_limit(&w->url, limit);
		int rc = get_page(w, r, &why);
		if (rc >= 0)
			return rc;
		if (why.code != ERR_LIMIT || r->status != 200) {
			if (err)
				*err = why;
			return -1;
		}
	}
	if (l->refuse)
		l->refuse(l->data, "", why.text);
	return 0;
}

/* Shows a page and goes to the next: 0, or 1 when that was the last, 2 when it was enough. */
static int step(struct walk *w, struct err *err)
{
	AUTO(http_response_release) struct http_response response = {0};
	autofree char *next = NULL;
	int rc = show_page(w, &response, err);

	if (rc < 0 || (w->listing->page_end && w->listing->page_end(w->listing->data, err) < 0))
		return -1;
	if (rc > 0)
		return 2;
	if (hub_next_page(w->server, &response, &next, err) < 0)
		return -1;
	if (!next)
		return 1;
	bool stuck = strcmp(next, w->url.data) == 0;
	strbuf_clear(&w->url);
	strbuf_addstr(&w->url, next);
	return stuck ? err_set(err, ERR_PROTOCOL, "a page of the list is followed by itself")
		     : 0;
}

static int list_tag(
	struct source_server *s, const struct hub_listing *l, const char *tag, struct err *err)
{
	struct walk w = {.server = s, .listing = l, .url = STRBUF_INIT};
	int rc = 0;

	first_url(s, tag, &w.url);
	for (unsigned pages = 0; pages < HUB_PAGES_MAX && rc == 0; pages++)
		rc = step(&w, err);
	strbuf_release(&w.url);
	if (rc == 0)
		return err_set(
			err, ERR_LIMIT, "the list has more than %u pages", HUB_PAGES_MAX);
	return rc < 0 ? err_wrap(err, "models of the tag \"%s\"", tag) : rc - 1;
}

int hub_list_models(const struct source_options *options, const struct hub_listing *listing,
	struct err *err)
{
	AUTO(source_server_close) struct source_server server = {0};
	int rc = 0;

	if (hub_open(&server, options, err) < 0)
		return -1;
	server.tries = TRIES;
	server.pause_max = PAUSE_MAX;
	for (size_t i = 0; listing->tags[i] && rc == 0; i++)
		rc = list_tag(&server, listing, listing->tags[i], err);
	return rc;
}
