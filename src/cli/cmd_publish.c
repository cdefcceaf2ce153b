/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet publish, also publish-model: files of this machine become a version of the store.
 */
#include "base/path.h"
#include "cli/publish.h"
#include "cli/store_site.h"
#include "history/identity.h"

static const char epilogue[] =
	"Today is the date by this machine's clock and time zone.\n"
	"exit codes: 0 the version is there, 1 it is not, 130 interrupted";

static void read_options(const struct command *cmd, struct publish *p, int argc, char **argv,
	struct strlist *rest)
{
	struct engine_options *e = &p->engine.o;
	const struct option_spec options[] = {
		{0, "version", OPTION_STRING, "YYYY-MM-DD", "the version's name (today)",
			&p->version},
		{0, "activate", OPTION_FLAG, NULL,
			"make it the current version, and commit that", &p->activate},
		{0, "push", OPTION_FLAG, NULL, "with --activate: push the commit", &p->push},
		{0, "note", OPTION_STRING, "TEXT", "why, for its manifest.yaml and the commit",
			&p->note},
		{'C', "check", OPTION_FLAG, NULL, "change nothing; say what would be done",
			&e->site.check},
		{0, "bwlimit", OPTION_STRING, "RATE",
			"bytes per second to a store elsewhere, e.g. 5M", &e->bwlimit},
		SITE_OPTIONS(&e->site),
		ENGINE_CONNECTION_OPTIONS(e),
		ENGINE_OUTPUT_OPTIONS(e),
		{0},
	};

	cli_parse(cmd, "MODEL DIRECTORY|FILE... [-i INVENTORY] [OPTIONS]", epilogue, options,
		argc, argv, rest);
}

/* The words of the command line become the request. */
static int read_request(struct publish *p, const struct strlist *rest, struct err *err)
{
	time_t now = time(NULL);
	struct tm local;

	if (rest->count < 2)
		return err_set(err, ERR_USAGE,
			"expected a model and what to publish: publish-model MODEL "
			"DIRECTORY|FILE...");
	localtime_r(&now, &local);
	strftime(p->today, sizeof(p->today), "%Y-%m-%d", &local);
	if (p->version && !clock_is_date(p->version))
		return err_set(err, ERR_USAGE,
			"--version: found '%s', expected a day as YYYY-MM-DD", p->version);
	if (p->push && !p->activate)
		return err_set(err, ERR_USAGE,
			"--push goes with --activate: there is no commit to push without it");
	if (p->note && strlen(p->note) > VERSION_NOTE_MAX)
		return err_set(err, ERR_USAGE, "--note: more than %d bytes", VERSION_NOTE_MAX);
	for (size_t i = 1; i < rest->count; i++)
		strlist_add(&p->sources, rest->items[i]);
	autofree char *user = identity_user();
	autofree char *host = identity_host();
	p->by = xasprintf("%s@%s", user, host);
	p->request = (struct publish_request){
		.model = rest->items[0],
		.version = p->version ? p->version : p->today,
		.sources = &p->sources,
		.by = p->by,
		.note = p->note,
		.now = now,
		.cancel = &p->engine.cancel,
		.progress = progress_add,
		.progress_arg = &p->progress,
	};
	return publish_check_model(p->request.model, err);
}

/* Where the store is, and what the registry says of the model. */
static int resolve(struct publish *p, struct err *err)
{
	const struct resolution *r = &p->registry.resolution;

	if (store_site_resolve(&p->engine, &p->registry, &p->location, err) < 0)
		return -1;
	for (size_t i = 0; i < r->registry_count && !p->model; i++)
		p->model = registry_model(r->registries[i], p->request.model);
	return 0;
}

static int look_at_sources(struct publish *p, struct err *err)
{
	AUTO(diags_release) struct diags d = {0};
	int result = publish_source_open(&p->source, &p->request, &d, err);

	cli_print_diags(&d);
	return result;
}

int publish_read_sources(struct publish *p, struct err *err)
{
	progress_begin(&p->progress, "reading", p->source.bytes);
	int result = publish_source_read(&p->source, err);
	progress_erase(&p->progress);
	return result;
}

int publish_look_at(struct publish *p, struct store *store, struct err *err)
{
	p->result.files = p->source.manifest.files;
	p->result.bytes = p->source.manifest.bytes;
	return publish_look(&p->source, store, &p->result.outcome, err);
}

static int look_local(struct publish *p, struct err *err)
{
	struct store *store = store_open_local(p->registry.root, err);
	int result = store ? publish_look_at(p, store, err) : -1;

	store_free(store);
	return result;
}

static int publish_local(struct publish *p, struct err *err)
{
	const char *root = p->registry.root;
	bool check = p->engine.o.site.check;

	if (!path_is_dir(root))
		return err_set(err, ERR_NOTFOUND,
			"the store %s is not there; mount its disk, or make the directory",
			root);
	if ((!check && engine_lock_store(&p->engine, root, err) < 0) ||
		publish_prepare_move(p, err) < 0 || publish_read_sources(p, err) < 0 ||
		look_local(p, err) < 0)
		return -1;
	if (check || p->result.outcome == PUBLISH_THERE)
		return 0;
	/* What is brought there is read there. */
	progress_begin(&p->progress, "copying and reading again", 2 * p->result.bytes);
	int result = publish_version(root, &p->source, &p->result, err);
	progress_erase(&p->progress);
	return result;
}

static int publish(struct publish *p, struct err *err)
{
	p->progress.output = engine_output(&p->engine);
	if (resolve(p, err) < 0 || look_at_sources(p, err) < 0 ||
		(p->registry.primary ? publish_remote(p, err) : publish_local(p, err)) < 0)
		return -1;
	int result = p->engine.o.site.check ? 0 : publish_move(p, err);
	if (result == 0)
		publish_print(p);
	return result;
}

static void publish_release(struct publish *p)
{
	publish_source_release(&p->source);
	move_release(&p->move);
	registry_site_release(&p->registry);
	engine_release(&p->engine);
	strlist_release(&p->sources);
	strbuf_release(&p->location);
	free(p->by);
}

static int run_publish(const struct command *cmd, int argc, char **argv)
{
	AUTO(strlist_release) struct strlist rest = {0};
	struct publish p = {.source = PUBLISH_SOURCE_INIT, .location = STRBUF_INIT};
	struct err err = {0};

	if (engine_init(&p.engine, argc, argv, &err) < 0)
		return cli_error(&err);
	read_options(cmd, &p, argc, argv, &rest);
	int code = EXIT_CANNOT_RUN;
	if (read_request(&p, &rest, &err) < 0)
		code = cli_error(&err);
	else if ((code = engine_start(&p.engine)) == EXIT_OK && publish(&p, &err) < 0)
		code = engine_fail(&err);
	publish_release(&p);
	return code;
}

const struct command cmd_publish = {
	.name = "publish",
	.link_name = "publish-model",
	.summary = "Makes a version of the store out of files",
	.arguments = "MODEL FILE...",
	.run = run_publish,
};
