/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/path.h"
#include "daemons/registryd/files_api.h"
#include "daemons/registryd/files_s3.h"
#include "daemons/registryd/registryd.h"
#include "daemons/registryd/truth_watch.h"

static void keep_on_disk(struct registryd *r, struct files *files)
{
	r->files.files = files;
	r->files.keeper = (struct files_keeper){&files_local, files};
}

static int start_site(struct registryd *r, const struct files_options *o, struct err *err)
{
	const struct config_site *site = &r->config->site;
	const struct truth_options options = {
		.inventory = site->inventory, .store = r->store, .files = o};

	r->files.truth = truth_open(&options, err);
	if (!r->files.truth)
		return err_wrap(err, "site.inventory");
	keep_on_disk(r, truth_files(r->files.truth));
	r->files.watch = truth_watch_start(r->files.truth, err);
	return r->files.watch ? 0 : -1;
}

/* A store that is away, or not as it is to be, does not keep the registry from its work. */
static int start_s3(struct registryd *r, struct err *err)
{
	const struct config_site *site = &r->config->site;
	const struct files_s3_options o = {.store = site->store,
		.endpoint = site->s3_endpoint,
		.region = site->s3_region,
		.path_style = site->s3_path_style,
		.redirect = site->s3_redirect,
		.part_size = (uint64_t)site->s3_part_bytes,
		.size_max = (uint64_t)site->max_bytes,
		.count_max = (size_t)site->max_files,
		.cancel = &r->files.cancel};
	struct err why = {0};

	r->files.s3 = files_s3_open(&o, err);
	if (!r->files.s3)
		return err_wrap(err, "site.store");
	r->files.keeper = (struct files_keeper){&files_s3, r->files.s3};
	if (files_s3_try(r->files.s3, &why) < 0)
		log_warning("site.store: %s", why.text);
	else
		files_s3_tidy(r->files.s3);
	return 0;
}

int files_service_start(struct registryd *r, struct err *err)
{
	const struct config_site *site = &r->config->site;
	const struct files_options o = {.root = site->store,
		.size_max = (uint64_t)site->max_bytes,
		.count_max = (size_t)site->max_files};

	if (cancel_init(&r->files.cancel, err) < 0)
		return -1;
	r->files.cancels = true;
	if (site->inventory)
		return start_site(r, &o, err);
	if (!site->store)
		return 0;
	if (files_s3_is(site->store))
		return start_s3(r, err);
	if (path_mkdirs(site->store, 0755, err) < 0)
		return err_wrap(err, "site.store");
	struct files *files = files_open(&o, err);
	if (!files)
		return err_wrap(err, "site.store");
	keep_on_disk(r, files);
	return 0;
}

void files_service_cancel(struct registryd *r)
{
	if (r->files.cancels)
		cancel_request(&r->files.cancel);
}

void files_service_stop(struct registryd *r)
{
	truth_watch_stop(r->files.watch);
	if (!r->files.truth)
		files_close(r->files.files);
	truth_close(r->files.truth);
	files_s3_close(r->files.s3);
	if (r->files.cancels)
		cancel_release(&r->files.cancel);
	r->files = (struct files_service){0};
}

int files_service_check_date(
	struct registryd *r, const struct files_version *version, struct err *err)
{
	const struct files_keeper *k = &r->files.keeper;

	if (!k->backend)
		return err_set(err, ERR_INPUT,
			"this service keeps no files: its configuration has no site");
	if (!clock_is_date(version->date))
		return err_set(
			err, ERR_INPUT, "found \"%.20s\", expected YYYY-MM-DD", version->date);
	return k->backend->check(k->state, version, err);
}
