/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers ask of a request, and the plainest answers. */
#include <arpa/inet.h>

#include "crypto/hmac.h"
#include "http/serve_private.h"

const char *http_call_header(const struct http_call *call, const char *name)
{
	return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

const char *http_call_query(const struct http_call *call, const char *name)
{
	const char *value = NULL;
	size_t n;

	if (MHD_lookup_connection_value_n(call->connection, MHD_GET_ARGUMENT_KIND, name,
		    strlen(name), &value, &n) != MHD_YES)
		return NULL;
	return value ? value : "";
}

void http_call_client(const struct http_call *call, char out[HTTP_CLIENT_TEXT])
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *address = info ? info->client_addr : NULL;

	*out = '\0';
	if (address && address->sa_family == AF_INET)
		inet_ntop(AF_INET,
			&((const struct sockaddr_in *)(const void *)address)->sin_addr, out,
			HTTP_CLIENT_TEXT);
	if (address && address->sa_family == AF_INET6)
		inet_ntop(AF_INET6,
			&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, out,
			HTTP_CLIENT_TEXT);
}

const char *http_call_bearer(const struct http_call *call)
{
	static const char scheme[] = "Bearer ";
	const char *said = http_call_header(call, "Authorization");

	if (!said || strncasecmp(said, scheme, strlen(scheme)) != 0)
		return NULL;
	return said + strlen(scheme);
}

bool http_call_has_token(const struct http_call *call, const char *token)
{
	const char *said = http_call_bearer(call);

	/* Digests, so that neither length nor content can be told by the time it takes. */
	unsigned char a[DIGEST_MAX], b[DIGEST_MAX];
	if (!said || digest_data(DIGEST_SHA256, said, strlen(said), a, NULL) < 0 ||
		digest_data(DIGEST_SHA256, token, strlen(token), b, NULL) < 0)
		return false;
	return crypto_equal(a, b, digest_size(DIGEST_SHA256));
}

/* The next entity tag of a list, with its quotes, and what follows it; NULL: none. */
static const char *next_tag(const char **list, size_t *n, bool *is_weak)
{
	const char *s = *list + strspn(*list, " \t,");

	*is_weak = str_starts(s, "W/");
	if (*is_weak)
		s += 2;
	const char *end = *s == '"' ? strchr(s + 1, '"') : NULL;
	if (!end)
		return NULL;
	*n = (size_t)(end + 1 - s);
	*list = end + 1;
	return s;
}

bool http_call_has_tag(
	const struct http_call *call, const char *header, const char *tag, bool weak)
{
	const char *list = http_call_header(call, header), *one;
	size_t n;
	bool is_weak;

	if (!list)
		return false;
	if (strcmp(list, "*") == 0)
		return true;
	while ((one = next_tag(&list, &n, &is_weak)))
		if ((weak || !is_weak) && n == strlen(tag) && memcmp(one, tag, n) == 0)
			return true;
	return false;
}

void http_answer_problem(struct http_answer *answer, unsigned status, const char *detail, ...)
{
	va_list ap;

	va_start(ap, detail);
	autofree char *text = xvasprintf(detail, ap);
	va_end(ap);
	const char *title = MHD_get_reason_phrase_for(status);
	answer->status = status;
	answer->type = "application/problem+json";
	strbuf_clear(&answer->body);
	strbuf_addf(&answer->body,
		"{\"title\": \"%s\", \"status\": %u, \"detail\": ", title ? title : "Error",
		status);
	strbuf_addjson(&answer->body, text, strlen(text));
	strbuf_addstr(&answer->body, "}\n");
}
