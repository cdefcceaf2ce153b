/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A crontab as Ansible's module keeps it: a job is the line below a comment with its name,
 *
 *     #Ansible: NAME
 *     0 5 * * * command
 *
 * and variables are lines of NAME="VALUE". All other lines stay as they are.
 */
#ifndef NODE_CRON_H
#define NODE_CRON_H

#include <stdbool.h>

#include "base/str.h"

#define CRON_MARK "#Ansible: "

struct cron_table {
	struct strlist lines;
	struct strbuf existing; /* the text that was read, without what `crontab` adds to it */
};

/*
 * Reads a crontab's text. `listed` is true for what `crontab -l` printed: the three lines that
 * some versions put in front are left out.
 */
void cron_table_read(struct cron_table *t, const char *text, bool listed);
/* Frees all. */
void cron_table_release(struct cron_table *t);
/* Appends the text to be written: it ends with one line end, unless it is empty. */
void cron_table_render(const struct cron_table *t, struct strbuf *out);
/* True if there are only blank lines. */
bool cron_table_is_empty(const struct cron_table *t);

/*
 * Brings a job to a line, or removes it where `line` is NULL; true if something changed. A line
 * that is there without a name gets this one.
 */
bool cron_table_set_job(struct cron_table *t, const char *name, const char *line);
/* True if a job has this name. */
bool cron_table_has_job(const struct cron_table *t, const char *name);
/* The line number of a variable, or -1. */
long cron_table_find_env(const struct cron_table *t, const char *name);
/* Brings all lines of a variable to `line`, or removes them where it is NULL; true if something
 * changed. */
bool cron_table_set_env(struct cron_table *t, const char *name, const char *line);
/* Puts a line before the one with a number. */
void cron_table_insert(struct cron_table *t, size_t at, const char *line);

#endif
