/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's status endpoint. */
#include <stdlib.h>

#include "base/base64.h"
#include "base/clock.h"
#include "crypto/hmac.h"
#include "daemons/sync_agent/status.h"
#include "http/serve.h"

#define WEBHOOK_AGE 300 /* seconds that a delivery may be old, or new */
#define PATIENCE    10  /* seconds that a request's head, and its body, may take to come */
#define PER_ADDRESS 8   /* connections of another machine's address */

static void give_status(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)call;
	status_json(data, &answer->body);
}

static void give_health(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)data;
	(void)call;
	strbuf_addstr(&answer->body, "{\"status\": \"ok\"}\n");
}

static void give_metrics(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)call;
	answer->type = "text/plain; version=0.0.4";
	status_metrics(data, &answer->body);
}

/* A secret of the configuration at hand; new memory, NULL for none. */
static char *secret(struct status *s, char *const *text)
{
	pthread_mutex_lock(&s->lock);
	char *copy = xstrdup(*text);
	pthread_mutex_unlock(&s->lock);
	return copy;
}

static void accept_wake(struct status *s, struct http_answer *answer)
{
	status_wake(s);
	answer->status = 202;
	strbuf_addstr(&answer->body, "{\"status\": \"accepted\"}\n");
}

static void take_sync(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct status *s = data;
	autofree char *token = secret(s, &s->token);

	if (!token) {
		http_answer_problem(answer, 403, "status_token is not configured");
		return;
	}
	if (!http_call_has_token(call, token)) {
		http_answer_problem(answer, 401, "this needs the token of status_token");
		strlist_add(&answer->headers, "WWW-Authenticate: Bearer");
		return;
	}
	accept_wake(s, answer);
}

static bool is_signature(const char *said, const char *key, const struct strbuf *text)
{
	unsigned char mac[DIGEST_MAX];
	AUTO(strbuf_release) struct strbuf expected = STRBUF_INIT;

	if (hmac_data(DIGEST_SHA256, key, strlen(key), text->data, text->len, mac, NULL) < 0)
		return false;
	strbuf_addstr(&expected, "v1,");
	base64_encode(BASE64_STANDARD, mac, digest_size(DIGEST_SHA256), &expected);
	return strlen(said) == expected.len && crypto_equal(said, expected.data, expected.len);
}

/*
 * A delivery of MLflow's webhooks: "v1," and the base64 of the HMAC-SHA256 of
 * "DELIVERY.TIMESTAMP.BODY".
 */
static bool is_signed(const struct http_call *call, const char *key)
{
	const char *signature = http_call_header(call, "X-MLflow-Signature");
	const char *delivery = http_call_header(call, "X-MLflow-Delivery-Id");
	const char *timestamp = http_call_header(call, "X-MLflow-Timestamp");
	int64_t at, now = time(NULL);

	if (!signature || !delivery || !timestamp || !parse_int(timestamp, 0, INT64_MAX, &at) ||
		at < now - WEBHOOK_AGE || at > now + WEBHOOK_AGE)
		return false;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	strbuf_addf(&text, "%s.%s.", delivery, timestamp);
	strbuf_add(&text, call->body, call->body_len);
	return is_signature(signature, key, &text);
}

static void take_webhook(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct status *s = data;
	autofree char *key = secret(s, &s->secret);

	if (!key)
		http_answer_problem(answer, 403, "webhook_secret is not configured");
	else if (!is_signed(call, key))
		http_answer_problem(answer, 401, "the signature is not right, or too old");
	else if (status_is_new_delivery(s, http_call_header(call, "X-MLflow-Signature")))
		accept_wake(s, answer);
	else /* sent again since our answer was lost, or by somebody who has seen it */
		strbuf_addstr(&answer->body, "{\"status\": \"known\"}\n");
}

static const struct http_route routes[] = {
	HTTP_ROUTE("GET", "/status", give_status),
	HTTP_ROUTE("GET", "/health", give_health),
	HTTP_ROUTE("GET", "/metrics", give_metrics),
	HTTP_ROUTE("POST", "/sync", take_sync),
	HTTP_ROUTE("POST", "/webhook", take_webhook),
	{0},
};

struct http_server *status_serve(
	struct status *s, const struct agent_config *config, struct err *err)
{
	return http_server_start(
		&(struct http_server_options){.address = config->status_address,
			.port = (uint16_t)config->status_port,
			.patience = PATIENCE,
			.per_address = PER_ADDRESS,
			.routes = routes,
			.data = s},
		err);
}
