/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Editing the file that says which version of a model is current: only the bytes of the two
 * values change; the result is read again and compared before it replaces the file in one step.
 */
#ifndef REGISTRY_EDIT_H
#define REGISTRY_EDIT_H

#include "base/err.h"
#include "base/str.h"
#include "registry/registry.h"

/* One file as it is and as it is to be. Strings are owned. */
struct registry_edit {
	char *path;           /* absolute, links resolved */
	struct strbuf before; /* empty and `absent` when the file is yet to be made */
	struct strbuf after;
	bool absent;
	char *made; /* the directory that is made for it; NULL: it is there */
};

/*
 * Prepares making `to` current and the present current version previous. Nothing is written.
 * Finds the file by the model's places. ERR_UNSUPPORTED, with the place and what to do, where a
 * version is not written there as a plain value (a template, another file, a vaulted file);
 * ERR_EXISTS when `to` is current already; ERR_BUSY when the file says something else now than
 * when the registry was read. Released in every case.
 */
int registry_edit_move(
	struct registry_edit *e, const struct model *m, const char *to, struct err *err);
/*
 * Prepares setting (version NULL: removing) the pin of one model in a host's variables:
 * model_version_overrides.MODEL in `path`, a file that may be absent, as may its directory. The
 * last pin takes the key along. ERR_EXISTS when the file says so already, ERR_NOTFOUND when
 * there is no pin to remove. Released in every case.
 */
int registry_edit_pin(struct registry_edit *e, const char *path, const char *model,
	const char *version, struct err *err);
/*
 * Replaces the file in one step; ERR_BUSY when it is not any more as it was when the edit was
 * prepared. Permissions stay, and owner and group as far as we may set them.
 */
int registry_edit_write(const struct registry_edit *e, struct err *err);
/* Puts back what was there before, if the file still is as the edit made it. */
int registry_edit_undo(const struct registry_edit *e, struct err *err);
/* Frees all. */
void registry_edit_release(struct registry_edit *e);

#endif
