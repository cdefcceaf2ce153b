/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue alone, behind a port: what tests of it ask.
 *
 *     catalogue_host STORE SCHEDULE LIMIT ENDPOINT [once]
 *
 * Prints the port, and serves until SIGTERM. With `once` it syncs, prints the result and ends.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "base/log.h"
#include "daemons/registryd/catalogue.h"
#include "sql/sql.h"

static struct cancel cancel;

static void on_signal(int number)
{
	(void)number;
	cancel_request(&cancel);
}

static void give_models(void *data, const struct http_call *call, struct http_answer *answer)
{
	catalogue_give_models(data, call, answer);
}

static void give_model(void *data, const struct http_call *call, struct http_answer *answer)
{
	catalogue_give_model(data, call, answer);
}

static void give_status(void *data, const struct http_call *call, struct http_answer *answer)
{
	catalogue_give_status(data, call, answer);
}

static void take_sync(void *data, const struct http_call *call, struct http_answer *answer)
{
	catalogue_take_sync(data, call, answer);
}

static void give_metrics(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)call;
	answer->type = "text/plain; version=0.0.4";
	catalogue_metrics(data, &answer->body);
}

static const struct http_route routes[] = {
	HTTP_ROUTE("GET", "/models", give_models, .slow = true),
	HTTP_ROUTE("GET", "/models/{}", give_model, .slow = true),
	HTTP_ROUTE("GET", "/sync/status", give_status, .slow = true),
	HTTP_ROUTE("GET", "/metrics", give_metrics),
	HTTP_ROUTE("POST", "/sync/huggingface/litert", take_sync),
	{0},
};

static int serve(struct catalogue *catalogue, struct err *err)
{
	if (catalogue_start(catalogue, err) < 0)
		return -1;
	struct http_server *server = http_server_start(
		&(struct http_server_options){.routes = routes, .data = catalogue}, err);
	if (!server)
		return -1;
	printf("%u\n", http_server_port(server));
	fflush(stdout);
	wait_until(DEADLINE_NEVER, &cancel, NULL);
	catalogue_stop(catalogue);
	http_server_stop(server);
	return 0;
}

static int sync_once(struct catalogue *catalogue, struct err *err)
{
	struct sync_result result;
	int rc = catalogue_sync(catalogue, "start", &result, err);

	printf("%s %lld %lld %lld %lld %lld\n", result.status, (long long)result.fetched,
		(long long)result.created, (long long)result.updated,
		(long long)result.vanished, (long long)result.skipped);
	return rc;
}

int main(int argc, char **argv)
{
	struct catalogue_config config;
	struct err err = {0};

	if (argc < 5)
		return 2;
	log_setup(log_to_stderr, LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_signal);
	catalogue_defaults(&config);
	config.store = argv[1];
	config.schedule = argv[2];
	config.endpoint = argv[4];
	struct catalogue *catalogue = NULL;
	int rc = -1;
	if (parse_int(argv[3], 0, INT64_MAX, &config.limit) && cancel_init(&cancel, &err) == 0)
		catalogue = catalogue_open(&config, &err);
	if (catalogue)
		rc = argc > 5 ? sync_once(catalogue, &err) : serve(catalogue, &err);
	if (rc < 0)
		log_line(LOG_ERROR, "%s", err.text);
	catalogue_close(catalogue);
	cancel_release(&cancel);
	return rc < 0;
}
