/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verifying a store on another host: its helper reads the files, and tells their hashes. Of the
 * models nothing crosses the link but manifest.yaml.
 *
 * A version without manifest.yaml is compared with what the helper remembers of it, which is
 * what a manifest made without reading again says.
 */
#include "cli/verify.h"
#include "sync/remote_version.h"

static void tell_progress(void *arg, uint64_t done, uint64_t total)
{
	struct verify *v = arg;

	(void)total;
	progress_set(&v->progress, v->before + done);
}

static int rehash(
	struct verify *v, const struct verify_item *item, struct manifest *out, struct err *err)
{
	return remote_store_rehash(v->store, item->model, item->version,
		v->engine.limiter.bytes_per_second, tell_progress, v, out, err);
}

/* What is no more than another content under the same name and size has rotted. */
static void compare_remembered(struct verify_report *r, const struct manifest *remembered,
	const struct manifest *there)
{
	for (size_t i = 0; i < there->count; i++) {
		const struct manifest_entry *e = &there->entries[i];
		const struct manifest_entry *was = manifest_find(remembered, e->path);
		if (was && e->kind == MANIFEST_FILE && was->kind == MANIFEST_FILE &&
			e->size == was->size && e->mtime_s == was->mtime_s &&
			e->mtime_ns == was->mtime_ns &&
			memcmp(e->hash, was->hash, sizeof(e->hash)) != 0)
			verify_add(r, VERIFY_CHANGED, e->path,
				"holds other content than it did, though size and time are the "
				"same");
	}
}

static int check_described(struct verify *v, struct verify_item *item, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(manifest_release) struct manifest there = {0};
	struct verify_check check;

	if (remote_store_read_file(v->store, item->model, item->version, VERSION_MANIFEST,
		    VERSION_MANIFEST_MAX, &text, err) < 0 ||
		rehash(v, item, &there, err) < 0)
		return -1;
	verify_begin(&check, &item->report, item->model, item->version, &text);
	for (size_t i = 0; i < there.count; i++)
		verify_entry(&check, &there.entries[i]);
	verify_missing(&check);
	verify_check_release(&check);
	item->report.files = there.files;
	item->report.bytes = there.bytes;
	return 0;
}

static int check_remembered(struct verify *v, struct verify_item *item, struct err *err)
{
	AUTO(manifest_release) struct manifest remembered = {0}, there = {0};

	if (store_read_manifest(v->store, item->model, item->version, &v->engine.cancel,
		    &remembered, err) < 0 ||
		rehash(v, item, &there, err) < 0)
		return -1;
	compare_remembered(&item->report, &remembered, &there);
	item->report.files = there.files;
	item->report.bytes = there.bytes;
	return 0;
}

int verify_remote(struct verify *v, struct verify_item *item, struct err *err)
{
	struct err why = {0};
	int result = check_described(v, item, &why);

	if (result < 0 && why.code == ERR_NOTFOUND) {
		err_clear(&why);
		result = check_remembered(v, item, &why);
	}
	if (result == 0)
		return 0;
	/* A link that is gone ends the run; what the disk does not give is a finding. */
	if (why.code == ERR_CANCELLED || why.code == ERR_UNREACHABLE ||
		why.code == ERR_TIMEOUT || why.code == ERR_PROTOCOL)
		return err_set(err, why.code, "%s", why.text);
	item->report.gone = why.code == ERR_NOTFOUND;
	verify_add(&item->report, VERIFY_UNREADABLE, ".", "%s", why.text);
	return 0;
}
