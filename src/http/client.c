/* SPDX-License-Identifier: Apache-2.0 */
#include "http/private.h"

#include <pthread.h>

/* libcurl wants one call of the process before all others. */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start_libcurl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http_client *http_client_new(const struct http_options *options)
{
	struct http_client *client = xcalloc(1, sizeof(*client));

	pthread_once(&once, start_libcurl);
	client->o = *options;
	client->multi = curl_multi_init();
	client->easy = curl_easy_init();
	if (!client->multi || !client->easy)
		abort(); /* out of memory, as xmalloc would say it */
	return client;
}

const struct cancel *http_client_cancel(const struct http_client *client)
{
	return client->o.cancel;
}

void http_client_free(struct http_client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->easy);
	/* Connections that are kept say goodbye here, when no transfer is left to be told. */
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, NULL);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, NULL);
	curl_multi_cleanup(client->multi);
	free(client);
}

static void release_transfer(struct http_transfer *t)
{
	http_url_release(&t->origin);
	free(t->next);
}

/* Goes on to where a redirect leads; `first` is the origin that may have the credentials. */
static int follow(struct http_transfer *t, const struct http_url *first, struct err *err)
{
	const struct http_request *q = t->request;
	unsigned max = q->redirects_max ? q->redirects_max : HTTP_REDIRECTS_MAX;
	const char *method = http_redirect_method(t);
	bool with_body = t->with_body && strcmp(method, t->method) == 0;

	if (t->hops == max)
		return err_set(err, ERR_LIMIT, "more than %u redirects", max);
	free(t->response->url);
	t->response->url = STEAL(t->next);
	struct http_transfer next = {.client = t->client,
		.request = q,
		.response = t->response,
		.url = t->response->url,
		.method = method,
		.with_body = with_body,
		.hops = t->hops + 1,
		.until = t->until};
	release_transfer(t);
	*t = next;
	if (http_url_parse(t->url, &t->origin, err) < 0)
		return err_wrap(err, "a redirect");
	t->trusted = http_url_same_origin(&t->origin, first);
	return 0;
}

static int perform(struct http_transfer *t, struct err *err)
{
	AUTO(http_url_release) struct http_url first = {0};

	if (http_url_parse(t->url, &t->origin, err) < 0 ||
		http_url_parse(t->url, &first, err) < 0)
		return -1;
	for (;;) {
		if (http_transfer_run(t, err) < 0)
			return -1;
		t->response->redirects = t->hops;
		if (!t->next)
			return 0;
		if (follow(t, &first, err) < 0)
			return -1;
	}
}

int http_perform(struct http_client *client, const struct http_request *request,
	struct http_response *response, struct err *err)
{
	AUTO(strbuf_release) struct strbuf shown = STRBUF_INIT;
	const char *method = request->method      ? request->method
			     : request->body_file ? "PUT"
			     : request->body      ? "POST"
						  : "GET";

	http_response_begin(response);
	response->url = xstrdup(request->url);
	AUTO(release_transfer)
	struct http_transfer t = {.client = client,
		.request = request,
		.response = response,
		.url = response->url,
		.method = method,
		.with_body = true,
		.trusted = true,
		.until = request->until ? request->until : DEADLINE_NEVER};
	if (perform(&t, err) == 0)
		return 0;
	http_url_for_people(response->url ? response->url : request->url, &shown);
	return err_wrap(err, "%s", shown.data);
}
