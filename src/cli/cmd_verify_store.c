/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet verify-store: all versions of the store are read again and compared with what they
 * were when they were published.
 */
#include "cli/verify.h"

#include "base/fd.h"
#include "base/suggest.h"
#include "base/vec.h"
#include "cli/store_site.h"

static const char epilogue[] =
	"exit codes: 0 nothing rotted, 1 could not run, 2 something rotted,\n"
	"130 interrupted; --resume goes on with such a run";

static void read_options(const struct command *cmd, struct verify *v, int argc, char **argv,
	struct strlist *rest)
{
	struct engine_options *e = &v->engine.o;
	const struct option_spec options[] = {
		{'m', "model", OPTION_STRING, "MODEL", "only this model", &v->model},
		{0, "version", OPTION_STRING, "VERSION", "only this version", &v->version},
		{0, "resume", OPTION_FLAG, NULL, "leave out what the last run has read",
			&v->resume},
		{0, "bwlimit", OPTION_STRING, "RATE", "bytes per second, e.g. 50M",
			&e->bwlimit},
		SITE_OPTIONS(&e->site),
		ENGINE_CONNECTION_OPTIONS(e),
		ENGINE_OUTPUT_OPTIONS(e),
		{0},
	};

	cli_parse(cmd, "[-i INVENTORY] [OPTIONS]", epilogue, options, argc, argv, rest);
}

static int open_store(struct verify *v, struct err *err)
{
	struct registry_site *site = &v->registry;

	if (store_site_resolve(&v->engine, site, &v->location, err) < 0)
		return -1;
	if (!site->primary) {
		v->store = store_open_local(site->root, err);
	} else if (engine_prepare(&v->engine, err) == 0) {
		v->store = engine_open_store_to_read(
			&v->engine, site->primary, site->store_view, site->root, err);
	}
	return v->store ? 0 : -1;
}

/* ---- what is to be read ---- */

static int add_versions(struct verify *v, const char *model, struct err *err)
{
	AUTO(strlist_release) struct strlist versions = {0};

	if (store_list_versions(v->store, model, &versions, err) < 0)
		return -1;
	for (size_t i = 0; i < versions.count; i++) {
		struct err why = {0};
		uint64_t size = 0;
		if (v->version && strcmp(versions.items[i], v->version) != 0)
			continue;
		/* What cannot be measured is found out when it is read. */
		store_version_size(v->store, model, versions.items[i], &size, &why);
		*VEC_PUSH(v) = (struct verify_item){.model = xstrdup(model),
			.version = xstrdup(versions.items[i]),
			.size = size};
	}
	return 0;
}

static int no_model(const struct verify *v, const struct strlist *models, struct err *err)
{
	struct suggestion near = {0};

	for (size_t i = 0; i < models->count; i++)
		suggest_add(&near, v->model, models->items[i]);
	return err_set(err, ERR_NOTFOUND, "%s has no model %s%s%s%s", v->location.data,
		v->model, near.word ? "; did you mean " : "", near.word ? near.word : "",
		near.word ? "?" : "");
}

static int list_versions(struct verify *v, struct err *err)
{
	AUTO(strlist_release) struct strlist models = {0};

	if (store_list_models(v->store, &models, err) < 0)
		return -1;
	if (v->model && !strlist_has(&models, v->model))
		return no_model(v, &models, err);
	for (size_t i = 0; i < models.count; i++)
		if ((!v->model || strcmp(models.items[i], v->model) == 0) &&
			add_versions(v, models.items[i], err) < 0)
			return -1;
	if (v->count == 0 && (v->model || v->version))
		return err_set(err, ERR_NOTFOUND, "%s has no version %s%s%s", v->location.data,
			v->version ? v->version : "at all", v->model ? " of " : "",
			v->model ? v->model : "");
	return 0;
}

/* ---- reading ---- */

/* Counts bytes that were read here, and waits where that is too fast. */
static int keep_pace(void *arg, uint64_t bytes, struct err *err)
{
	struct verify *v = arg;
	deadline until = link_limiter_take(&v->engine.limiter, (size_t)bytes);

	if (cancel_level(&v->engine.cancel))
		return err_set(err, ERR_CANCELLED, "interrupted");
	progress_add(&v->progress, bytes, err);
	return until ? wait_until(until, &v->engine.cancel, err) : 0;
}

static int read_item(struct verify *v, struct verify_item *item, struct err *err)
{
	if (v->registry.primary)
		return verify_remote(v, item, err);
	return verify_version(
		v->store, item->model, item->version, keep_pace, v, &item->report, err);
}

static int read_all(struct verify *v, struct err *err)
{
	uint64_t total = 0;

	for (size_t i = 0; i < v->count; i++)
		total += v->items[i].done ? 0 : v->items[i].size;
	progress_begin(&v->progress, "reading", total);
	for (size_t i = 0; i < v->count; i++) {
		struct verify_item *item = &v->items[i];
		if (!item->done) {
			if (read_item(v, item, err) < 0)
				return -1;
			item->done = true;
			verify_state_note(v, item);
			v->before += item->size;
			progress_set(&v->progress, v->before);
		}
		verify_print_item(v, item);
	}
	return 0;
}

static int exit_code(const struct verify *v)
{
	struct verify_totals t;

	verify_sum(v, &t);
	return t.rotted ? EXIT_HOST_FAILED : EXIT_OK;
}

/* The exit code, or -1 with err. */
static int verify(struct verify *v, struct err *err)
{
	v->progress.output = engine_output(&v->engine);
	if (open_store(v, err) < 0 || list_versions(v, err) < 0)
		return -1;
	size_t taken = verify_state_open(v);
	if (v->resume && !v->engine.o.json)
		printf("%zu of %zu versions were read before\n", taken, v->count);
	int result = read_all(v, err);
	progress_erase(&v->progress);
	if (result < 0) {
		verify_print_end(
			v, err->code == ERR_CANCELLED ? EXIT_INTERRUPTED : EXIT_CANNOT_RUN);
		if (v->state_fd < 0)
			return -1;
		struct err why = *err;
		return err_set(err, why.code, "%s; --resume goes on from here", why.text);
	}
	verify_state_finish(v);
	int code = exit_code(v);
	verify_print_end(v, code);
	return code;
}

static void verify_release(struct verify *v)
{
	for (size_t i = 0; i < v->count; i++) {
		verify_report_release(&v->items[i].report);
		free(v->items[i].model);
		free(v->items[i].version);
	}
	free(v->items);
	free(v->state_path);
	fd_close(&v->state_fd);
	store_free(v->store);
	strbuf_release(&v->location);
	registry_site_release(&v->registry);
	engine_release(&v->engine);
}

static int run_verify(const struct command *cmd, int argc, char **argv)
{
	AUTO(strlist_release) struct strlist rest = {0};
	struct verify v = {.location = STRBUF_INIT, .state_fd = -1};
	struct err err = {0};

	if (engine_init(&v.engine, argc, argv, &err) < 0)
		return cli_error(&err);
	read_options(cmd, &v, argc, argv, &rest);
	int code = EXIT_CANNOT_RUN;
	if (rest.count) {
		err_set(&err, ERR_USAGE,
			"verify-store takes no arguments, found '%s'; a model is chosen with "
			"--model",
			rest.items[0]);
		code = cli_error(&err);
	} else if ((code = engine_start(&v.engine)) == EXIT_OK) {
		code = verify(&v, &err);
		if (code < 0)
			code = engine_fail(&err);
	}
	verify_release(&v);
	return code;
}

const struct command cmd_verify_store = {
	.name = "verify-store",
	.link_name = NULL,
	.summary = "Reads the store again and names what rotted",
	.run = run_verify,
};
