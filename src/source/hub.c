/* SPDX-License-Identifier: Apache-2.0 */
#include "source/hub.h"

#include <stdlib.h>

#include "base/fd.h"
#include "base/path.h"
#include "source/hub_list.h"

#define ENDPOINT  "https://huggingface.co"
#define TOKEN_MAX 4096u
#define TIMEOUT   60.0

/* ---- the server ---- */

static const char *setting(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* Where the Hub's own client keeps a token. */
static char *token_path(void)
{
	const char *path = setting("HF_TOKEN_PATH"), *home = setting("HF_HOME");

	if (path)
		return xstrdup(path);
	if (home)
		return path_join(home, "token");
	return path_expand_home("~/.cache/huggingface/token");
}

static void read_token(struct source_server *s)
{
	AUTO(strbuf_release) struct strbuf kept = STRBUF_INIT;
	autofree char *path = token_path();
	const char *token = setting("HF_TOKEN");

	if (!token && file_read(path, TOKEN_MAX, &kept, NULL) == 0) {
		strbuf_rtrim(&kept);
		token = kept.data;
	}
	if (token && *token)
		s->authorization = xasprintf("Authorization: Bearer %s", token);
}

/* As the Hub's own client reads it. */
static bool is_offline(void)
{
	static const char *const words[] = {"1", "on", "yes", "true"};
	const char *value = setting("HF_HUB_OFFLINE");

	for (size_t i = 0; value && i < ARRAY_SIZE(words); i++)
		if (strcasecmp(value, words[i]) == 0)
			return true;
	return false;
}

const char *hub_endpoint(const char *given)
{
	const char *url = given ? given : setting("HF_ENDPOINT");

	return url ? url : ENDPOINT;
}

int hub_open(struct source_server *s, const struct source_options *options, struct err *err)
{
	if (is_offline())
		return err_set(
			err, ERR_DENIED, "HF_HUB_OFFLINE is set: nothing is asked of the Hub");
	if (source_server_open(s, hub_endpoint(options->uri), options, err) < 0)
		return -1;
	s->timeout = TIMEOUT;
	read_token(s);
	return 0;
}

/* ---- pages ---- */

/* Whether a URL lies below the server's; "https://hub.example.evil" does not below "…example".
 */
static bool is_below(const char *url, const char *base)
{
	return str_starts(url, base) && strchr("/?", url[strlen(base)]);
}

/* Whether the parameters of a link, which end with `end`, say rel="next" or rel=next. */
static bool is_next(const char *parameters, const char *end)
{
	static const char relation[] = "rel=";
	const char *at = strstr(parameters, relation);

	if (!at || at >= end)
		return false;
	at += strlen(relation);
	at += *at == '"';
	return str_starts(at, "next") && strchr("\"; \t,", at[strlen("next")]);
}

/* The link of relation "next", and its length; NULL: there is none. */
static const char *find_next(const char *links, size_t *length)
{
	while ((links = strchr(links, '<')) != NULL) {
		const char *end = strchr(++links, '>');
		if (!end)
			return NULL;
		const char *following = strchr(end, '<');
		*length = (size_t)(end - links);
		if (is_next(end, following ? following : end + strlen(end)))
			return links;
		links = end;
	}
	return NULL;
}

/* The base's scheme and host. */
static size_t origin_length(const char *base)
{
	const char *host = strstr(base, "://") + strlen("://");

	return (size_t)(host - base) + strcspn(host, "/");
}

int hub_next_page(const struct source_server *s, const struct http_response *r, char **next,
	struct err *err)
{
	const char *links = http_header_get(r, "Link");
	size_t n;
	const char *found = links ? find_next(links, &n) : NULL;

	*next = NULL;
	if (!found)
		return 0;
	if (n && found[0] == '/' && (n == 1 || found[1] != '/'))
		*next = xasprintf(
			"%.*s%.*s", (int)origin_length(s->base), s->base, (int)n, found);
	else
		*next = xstrndup(found, n);
	if (is_below(*next, s->base))
		return 0;
	free(STEAL(*next));
	return err_set(
		err, ERR_PROTOCOL, "the list goes on at another server, which is not asked");
}

double hub_rate_limit(const char *header)
{
	const char *at = strstr(header, ";t=");
	double seconds = 0;

	if (!at)
		return -1;
	at += strlen(";t=");
	if (*at < '0' || *at > '9')
		return -1;
	for (; *at >= '0' && *at <= '9' && seconds < 1e6; at++)
		seconds = seconds * 10 + (*at - '0');
	return seconds;
}
