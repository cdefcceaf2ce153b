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
};

/*
 * Prepares making `to` current and the present current version previous. Nothing is written.
 * Finds the file by the model's places. ERR_UNSUPPORTED, with the place and what to do, where a
 * version is not written there as a plain value (a template, another file, a vaulted file).
 */
int registry_edit_move(
	struct registry_edit *e, const struct model *m, const char *to, struct err *err);
/*
 * Prepares setting (version NULL: removing) the pin of one model in a host's variables:
 * model_version_overrides.MODEL in `path`, a file that may be absent.
 */
int registry_edit_pin(struct registry_edit *e, const char *path, const char *model,
	const char *version, struct err *err);
/* Replaces the file; ERR_BUSY when it is not any more as it was when the edit was prepared. */
int registry_edit_write(const struct registry_edit *e, struct err *err);
/* Puts back what was there before, if the file still is as the edit made it. */
int registry_edit_undo(const struct registry_edit *e, struct err *err);
/* Frees all. */
void registry_edit_release(struct registry_edit *e);

#endif
