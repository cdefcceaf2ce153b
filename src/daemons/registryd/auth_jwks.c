/* SPDX-License-Identifier: Apache-2.0 */
/* The public keys of tokens: read from a file or a URL, and read again by a thread. */
#include "base/fd.h"
#include "base/log.h"
#include "daemons/registryd/auth_private.h"
#include "http/client.h"

#define FETCH_TIMEOUT 15 /* seconds */
#define RETRY         10 /* seconds after a reading that failed */

static int fetch(
	const char *url, const struct cancel *cancel, struct strbuf *text, struct err *err)
{
	AUTO(http_response_release) struct http_response response = {0};
	struct http_client *client =
		http_client_new(&(struct http_options){.cancel = cancel, .use_proxy = true});
	const struct http_request request = {
		.url = url, .until = deadline_in(FETCH_TIMEOUT), .body_max = JWT_JWKS_MAX};
	int rc = http_perform(client, &request, &response, err);

	http_client_free(client);
	if (rc == 0 && response.status != 200)
		rc = err_set(err, ERR_PROTOCOL, "%s answers %d", url, response.status);
	if (rc == 0)
		strbuf_add(text, response.body.data, response.body.len);
	return rc;
}

int auth_read_jwks(
	const char *source, const struct cancel *cancel, struct jwt_keys *keys, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	int rc = strstr(source, "://") ? fetch(source, cancel, &text, err)
				       : file_read(source, JWT_JWKS_MAX, &text, err);

	return rc < 0 ? -1 : jwt_keys_add_jwks(keys, text.data, text.len, source, err);
}

/* Waits for the time to read the set again; its source (new memory), or NULL at the end. */
static char *next_source(struct auth *auth, deadline next)
{
	char *source = NULL;
	struct timespec at = {.tv_sec = next / 1000000000, .tv_nsec = next % 1000000000};

	pthread_mutex_lock(&auth->lock);
	while (!auth->end && !(auth->wanted && auth->rules.jwks) && !deadline_passed(next))
		pthread_cond_timedwait(&auth->changed, &auth->lock, &at);
	if (!auth->end)
		source = xstrdup(auth->rules.jwks ? auth->rules.jwks : "");
	pthread_mutex_unlock(&auth->lock);
	return source;
}

/* Takes what was read; seconds until the next time. */
static double take(struct auth *auth, const char *source, int rc, struct jwt_keys *keys)
{
	pthread_mutex_lock(&auth->lock);
	auth->wanted = false;
	auth->eager = deadline_in(AUTH_EAGER);
	bool same = str_cmp0(auth->rules.jwks, source) == 0;
	if (rc == 0 && same) {
		struct jwt_keys former = auth->publics;
		auth->publics = *keys;
		*keys = former;
	}
	double next = rc == 0 ? (double)auth->rules.refresh : RETRY;
	pthread_mutex_unlock(&auth->lock);
	return next;
}

static void *refresh(void *arg)
{
	struct auth *auth = arg;
	double seconds = RETRY;

	for (;;) {
		struct jwt_keys keys = {0};
		struct err err = {0};
		autofree char *source = next_source(auth, deadline_in(seconds));
		if (!source)
			return NULL;
		int rc = *source ? auth_read_jwks(source, &auth->cancel, &keys, &err) : 0;
		if (rc < 0)
			log_warning("the key set of tokens stays as it is: %s", err.text);
		seconds = take(auth, source, rc, &keys);
		jwt_keys_release(&keys);
	}
}

int auth_keep_fresh(struct auth *auth, struct err *err)
{
	if (auth->started)
		return 0;
	if (pthread_create(&auth->thread, NULL, refresh, auth) != 0)
		return err_set(err, ERR_SYSTEM, "cannot start a thread");
	auth->started = true;
	return 0;
}
