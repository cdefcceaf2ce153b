/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/registryd.h"

#include "base/log.h"
#include "base/path.h"

/* Bytes of a request's head: ten thousand connections that each keep it have to fit. */
#define HEAD_MAX (6u << 10)
#define WORKERS  8u

/* ---- routes ---- */

/* True if a route stands in the table already: the first one counts. */
static bool has_route(const struct http_route *routes, size_t count, const struct http_route *r)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(routes[i].method, r->method) == 0 &&
			strcmp(routes[i].path, r->path) == 0)
			return true;
	return false;
}

static void collect_routes(struct registryd *r)
{
	static const struct http_route none[] = {{0}};
	const struct http_route *const tables[] = {service_routes,
		r->files.truth ? truth_routes : none,
		r->files.keeper.backend ? files_routes : none,
		r->files.s3 ? api_waiting_routes : none, api_routes, catalogue_routes,
		fleet_routes, page_routes};
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct http_route *from = tables[i]; from->method; from++) {
			r->routes = xrealloc(r->routes, count + 2, sizeof(*r->routes));
			if (!has_route(r->routes, count, from))
				r->routes[count++] = *from;
		}
	r->routes[count] = (struct http_route){0};
}

static void describe(struct registryd *r)
{
	struct strbuf text = STRBUF_INIT;

	openapi_write(r->routes, r->version, &text);
	r->openapi = http_shared_new(&text);
}

/* ---- start ---- */

/* The directory of a store that is a file is made where it is missing. */
static int make_directory(const char *store, struct err *err)
{
	static const char *const schemes[] = {"json:", "sqlite:"};

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		if (!str_starts(store, schemes[i]))
			continue;
		autofree char *dir = path_dirname(store + strlen(schemes[i]));
		return path_mkdirs(dir, 0755, err);
	}
	return 0;
}

static int open_parts(struct registryd *r, struct err *err)
{
	const struct registryd_config *c = r->config;

	if (!(r->auth = auth_new(c, err)) || !(r->audit = audit_open(&c->audit, err)) ||
		make_directory(c->store, err) < 0 ||
		!(r->store = entry_store_open(c->store, err)))
		return -1;
	r->writer = writer_start(
		&(struct writer_options){
			.store = r->store, .audit = r->audit, .queue = (size_t)c->limits.queue},
		err);
	if (!r->writer || !(r->catalogue = catalogue_open(&c->catalogue, err)))
		return -1;
	if (!(r->fleet = fleet_open(c->store, err)) ||
		!(r->events = events_start(r->fleet, r->store, err)))
		return -1;
	return catalogue_start(r->catalogue, err);
}

static int check_address(struct registryd *r, const char *address, struct err *err)
{
	r->local = !auth_is_configured(r->auth);
	if (!r->local || config_is_local(address))
		return 0;
	return err_set(err, ERR_DENIED,
		"listen: %s can be reached from other machines, and everybody might change the "
		"registry: configure access.keys or access.jwt first",
		address);
}

static int listen_on(struct registryd *r, struct err *err)
{
	const struct registryd_config *c = r->config;
	AUTO(arena_release) struct arena scratch = {0};
	const char *address = "127.0.0.1";
	uint16_t port = CONFIG_PORT;

	if (c->listen && config_listen(&scratch, c->listen, &address, &port, err) < 0)
		return -1;
	if (check_address(r, address, err) < 0)
		return -1;
	r->server = http_server_start(&(struct http_server_options){.address = address,
					      .port = port,
					      .connections = (unsigned)c->limits.connections,
					      .idle = (unsigned)c->limits.idle,
					      .body_max = (size_t)c->limits.body,
					      .head_max = HEAD_MAX,
					      .workers = WORKERS,
					      .tls_cert = c->tls_cert,
					      .tls_key = c->tls_key,
					      .routes = r->routes,
					      .data = r,
					      .guard = access_guard,
					      .done = access_done},
		err);
	if (!r->server)
		return -1;
	if (http_server_connections(r->server) < (unsigned)c->limits.connections)
		log_warning("the limit of open files allows %u connections, not %lld",
			http_server_connections(r->server), (long long)c->limits.connections);
	log_info("listening on %s port %u, with %s", address, http_server_port(r->server),
		entry_store_name(r->store));
	return 0;
}

struct registryd *registryd_start(
	const struct registryd_config *config, const char *version, struct err *err)
{
	struct registryd *r = xcalloc(1, sizeof(*r));

	r->config = config;
	r->version = version;
	r->metrics = metrics_new();
	if (open_parts(r, err) == 0 && files_service_start(r, err) == 0) {
		collect_routes(r);
		describe(r);
		if (listen_on(r, err) == 0)
			return r;
	}
	registryd_stop(r);
	return NULL;
}

/* A certificate that takes the former's place; NULL without err where there is no TLS. */
static struct http_certificate *read_certificate(
	const struct registryd *r, const struct registryd_config *config, struct err *err)
{
	if (!config->tls_cert != !r->config->tls_cert) {
		err_set(err, ERR_UNSUPPORTED, "tls: it comes and goes by a restart alone");
		return NULL;
	}
	if (!config->tls_cert)
		return NULL;
	struct http_certificate *c =
		http_certificate_read(config->tls_cert, config->tls_key, err);
	if (!c)
		err_wrap(err, "tls");
	return c;
}

int registryd_reload(
	struct registryd *r, const struct registryd_config *config, struct err *err)
{
	struct err why = {0};

	if (!r->local && !config->keys.count && !config->keys_file &&
		!config->jwt.secret_file && !config->jwt.jwks)
		return err_set(err, ERR_DENIED,
			"access: without any key everybody could change the registry; restart "
			"for that");
	struct http_certificate *certificate = read_certificate(r, config, &why);
	if (why.code)
		return err_set(err, why.code, "%s", why.text);
	if (auth_reload(r->auth, config, err) < 0) {
		http_certificate_free(certificate);
		return -1;
	}
	if (certificate)
		http_server_renew(r->server, certificate);
	return 0;
}

void registryd_stop(struct registryd *r)
{
	if (!r)
		return;
	if (r->catalogue)
		catalogue_stop(r->catalogue);
	events_stop(r->events);
	files_service_cancel(r);
	http_server_stop(r->server); /* which waits for the writer's answers */
	events_free(r->events);
	files_service_stop(r);
	writer_stop(r->writer);
	entry_store_free(r->store);
	catalogue_close(r->catalogue);
	fleet_close(r->fleet);
	audit_close(r->audit);
	auth_free(r->auth);
	metrics_free(r->metrics);
	http_shared_drop(r->list);
	http_shared_drop(r->openapi);
	free(r->routes);
	free(r);
}
