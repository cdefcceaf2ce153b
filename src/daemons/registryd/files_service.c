/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/path.h"
#include "daemons/registryd/files_api.h"
#include "daemons/registryd/registryd.h"
#include "daemons/registryd/truth_watch.h"

static int start_site(struct registryd *r, const struct files_options *o, struct err *err)
{
	const struct config_site *site = &r->config->site;
	const struct truth_options options = {
		.inventory = site->inventory, .store = r->store, .files = o};

	r->files.truth = truth_open(&options, err);
	if (!r->files.truth)
		return err_wrap(err, "site.inventory");
	r->files.files = truth_files(r->files.truth);
	r->files.watch = truth_watch_start(r->files.truth, err);
	return r->files.watch ? 0 : -1;
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
	if (path_mkdirs(site->store, 0755, err) < 0)
		return err_wrap(err, "site.store");
	r->files.files = files_open(&o, err);
	return r->files.files ? 0 : err_wrap(err, "site.store");
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
	if (r->files.cancels)
		cancel_release(&r->files.cancel);
	r->files = (struct files_service){0};
}

int files_service_check_date(
	struct registryd *r, const char *model, const char *date, struct err *err)
{
	if (!r->files.files)
		return err_set(err, ERR_INPUT,
			"this service keeps no files: its configuration has no site");
	if (!clock_is_date(date))
		return err_set(err, ERR_INPUT, "found \"%.20s\", expected YYYY-MM-DD", date);
	return files_check_version(r->files.files, model, date, err);
}
