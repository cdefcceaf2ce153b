/* SPDX-License-Identifier: Apache-2.0 */
/* The store on disk as a keeper of files. */
#include "daemons/registryd/files_backend.h"

static void *begin(void *state, const struct files_name *name, const struct files_range *range,
	uint64_t *offset, struct err *err)
{
	return upload_begin(state, name, range, offset, err);
}

static int piece(void *upload, const void *bytes, size_t n, struct err *err)
{
	return upload_piece(upload, bytes, n, err);
}

static int finish(
	void *upload, const uint8_t *sha256, struct files_state *file, struct err *err)
{
	return upload_finish(upload, sha256, file, err);
}

static void end(void *upload)
{
	upload_end(upload);
}

static int fetch_file(void *state, const struct files_name *name, const uint8_t *sha256,
	files_fetch fetch, void *data, struct files_state *file, struct err *err)
{
	return upload_fetch(state, name, sha256, fetch, data, file, err);
}

static int claim(
	void *state, const char *model, int64_t version, const char *origin, struct err *err)
{
	return files_claim(state, model, version, origin, err);
}

static int seal(void *state, const struct files_seal *seal, struct publish_result *result,
	struct err *err)
{
	return files_seal(state, seal, result, err);
}

static int discard(void *state, const char *model, int64_t version, struct err *err)
{
	return files_discard(state, model, version, err);
}

static int look(void *state, const struct files_name *name, bool content,
	struct files_state *file, struct err *err)
{
	(void)content; /* a descriptor costs nothing */
	return files_look(state, name, file, err);
}

static int open_file(void *state, const struct files_version *version,
	const struct version_file *row, bool content, struct files_state *file, struct err *err)
{
	(void)content;
	*file = (struct files_state){.whole = true,
		.size = row->size,
		.fd = files_open_file(state, version->model, version->date, row, err)};
	memcpy(file->sha256, row->sha256, sizeof(file->sha256));
	return file->fd < 0 ? -1 : 0;
}

static int manifest(void *state, const struct files_version *version,
	struct version_manifest *out, struct err *err)
{
	return files_manifest(state, version->model, version->date, out, err);
}

static int check(void *state, const struct files_version *version, struct err *err)
{
	return files_check_version(state, version->model, version->date, err);
}

static char *place(void *state, const struct files_version *version)
{
	return xasprintf("%s/%s/%s", files_root(state), version->model, version->date);
}

const struct files_backend files_local = {
	.begin = begin,
	.piece = piece,
	.finish = finish,
	.end = end,
	.fetch = fetch_file,
	.claim = claim,
	.seal = seal,
	.discard = discard,
	.look = look,
	.open = open_file,
	.manifest = manifest,
	.check = check,
	.place = place,
};
