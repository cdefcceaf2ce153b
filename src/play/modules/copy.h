/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the module copy share.
 */
#ifndef PLAY_MODULES_COPY_H
#define PLAY_MODULES_COPY_H

#include "base/str.h"
#include "play/module.h"

#define COPY_TREE_MAX   100000 /* files and directories of one tree */
#define COPY_TREE_DEPTH 64

/* 1 with the plain text when a file is a vault that the argument `decrypt` wants open, else 0;
 * -1 with err. */
int copy_open_vault(
	struct module_call *c, const char *path, struct strbuf *plain, struct err *err);
/*
 * Brings one file there, with the call's arguments: opened if it is a vault, checked if the
 * task names a checksum.
 */
int copy_put_file(struct module_call *c, const char *path, const char *dest, bool follow,
	struct err *err);
/*
 * Brings a directory with all below it into the call's `dest`: its content alone, or itself.
 */
int copy_put_tree(struct module_call *c, const char *path, bool content_only, struct err *err);

#endif
