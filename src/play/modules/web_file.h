/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of the web on this machine, for as long as a task runs.
 */
#ifndef PLAY_MODULES_WEB_FILE_H
#define PLAY_MODULES_WEB_FILE_H

#include "play/module.h"

/* An all-zero struct has no file yet. */
struct web_file {
	char *directory; /* of our own */
	char *path;      /* in it, under the URL's name */
};

/*
 * Fetches a URL through the node's network. What the server calls a failure is ERR_PROTOCOL.
 */
int web_file_fetch(struct web_file *f, struct module_call *c, const char *url,
	bool validate_certs, struct err *err);
/* Removes the file. */
void web_file_release(struct web_file *f);

#endif
