/* SPDX-License-Identifier: Apache-2.0 */
#include "http/private.h"

/* A part of a URL in new memory; NULL when it has none. */
static char *part(CURLU *u, CURLUPart which, unsigned flags)
{
	char *text = NULL;

	if (curl_url_get(u, which, &text, flags) != CURLUE_OK)
		return NULL;
	char *copy = xstrdup(text);
	curl_free(text);
	return copy;
}

static void release_handle(CURLU **u)
{
	curl_url_cleanup(*u);
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return true;
	return false;
}

/* "[::1]" without the brackets. */
static void strip_brackets(char *host)
{
	size_t n = strlen(host);

	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = 0;
		memmove(host, host + 1, n - 1);
	}
}

int http_url_parse(const char *url, struct http_url *out, struct err *err)
{
	AUTO(release_handle) CURLU *u = curl_url();
	autofree char *port = NULL;

	*out = (struct http_url){0};
	if (strlen(url) > HTTP_URL_MAX)
		return err_set(err, ERR_LIMIT, "the URL is longer than %u bytes", HTTP_URL_MAX);
	if (has_control(url))
		return err_set(err, ERR_INPUT,
			"the URL has a space or control character; write %%20 for a space");
	CURLUcode code = curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
	if (code != CURLUE_OK)
		return err_set(err, ERR_INPUT,
			"the URL cannot be read: %s; expected "
			"http://HOST/PATH or https://HOST/PATH",
			curl_url_strerror(code));
	out->scheme = part(u, CURLUPART_SCHEME, 0);
	out->host = part(u, CURLUPART_HOST, 0);
	out->user = part(u, CURLUPART_USER, CURLU_URLDECODE);
	out->password = part(u, CURLUPART_PASSWORD, CURLU_URLDECODE);
	port = part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	if (!out->scheme || !out->host || !port ||
		(strcmp(out->scheme, "http") != 0 && strcmp(out->scheme, "https") != 0)) {
		err_set(err, ERR_INPUT, "the URL's scheme is '%.20s'; expected http or https",
			out->scheme ? out->scheme : "");
		http_url_release(out);
		return -1;
	}
	strip_brackets(out->host);
	out->port = (unsigned)strtoul(port, NULL, 10);
	return 0;
}

void http_url_release(struct http_url *url)
{
	free(url->scheme);
	free(url->host);
	free(url->user);
	if (url->password)
		mem_wipe(url->password, strlen(url->password));
	free(url->password);
	*url = (struct http_url){0};
}

bool http_url_same_origin(const struct http_url *a, const struct http_url *b)
{
	return a->port == b->port && strcmp(a->scheme, b->scheme) == 0 &&
	       strcasecmp(a->host, b->host) == 0;
}

char *http_url_resolve(const char *base, const char *reference, struct err *err)
{
	AUTO(release_handle) CURLU *u = curl_url();
	char *text = NULL;

	if (curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK &&
		curl_url_set(u, CURLUPART_URL, reference,
			CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE) == CURLUE_OK)
		text = part(u, CURLUPART_URL, 0);
	if (!text)
		err_set(err, ERR_PROTOCOL, "a redirect leads nowhere");
	return text;
}

void http_url_for_people(const char *url, struct strbuf *out)
{
	static const CURLUPart hidden[] = {CURLUPART_USER, CURLUPART_PASSWORD,
		CURLUPART_OPTIONS, CURLUPART_QUERY, CURLUPART_FRAGMENT};
	AUTO(release_handle) CURLU *u = curl_url();
	autofree char *text = NULL;

	if (curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK) {
		for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
			curl_url_set(u, hidden[i], NULL, 0);
		text = part(u, CURLUPART_URL, 0);
	}
	strbuf_addstr(out, text ? text : "the URL");
}
