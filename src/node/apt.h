/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the module `apt`: what has to be installed or removed, found by reading dpkg's
 * status once, and one run of apt-get for all of it.
 *
 * A .deb of the engine comes in two steps: its head (up to the end of its control member,
 * some hundred bytes) says package and version; the rest is asked for by `need` only when
 * another version is installed.
 */
#ifndef NODE_APT_H
#define NODE_APT_H

#include "base/vec.h"
#include "node/dpkg.h"
#include "node/module.h"
#include "node/scratch.h"

#define APT_NAMES_MAX 512
#define APT_SECONDS   3600 /* for one run of apt-get: it is never killed before */

enum apt_state { APT_PRESENT, APT_LATEST, APT_ABSENT, APT_BUILD_DEP, APT_FIXED };

struct apt_change {
	const char *name;
	const char *before, *after; /* versions; NULL: not installed */
};

struct apt_task {
	struct node_call *call;
	enum apt_state state;
	bool purge, autoremove, only_upgrade, allow_downgrade, force;
	int install_recommends; /* 1, 0, -1: as apt is configured */
	const char *default_release;
	const char *const *dpkg_options;
	deadline lock_until;
	double lock_seconds;

	struct dpkg_status before;
	struct strlist words; /* for apt-get: NAME, NAME=VERSION, /PATH.deb */
	struct scratch scratch;
	struct {
		struct apt_change *items;
		size_t count, cap;
	} debs;                 /* what the .debs of the plan change */
	bool needs_content;     /* a .deb's content has to come first */
	struct strbuf out, err; /* what programs printed */
};

/*
 * Finds what apt-get has to do: fills in `words`. Nothing to do leaves them empty. -1 with
 * err for a name that cannot be, or when a program that was asked failed.
 */
int apt_plan(struct apt_task *t, struct err *err);
/* Takes those .debs of the arguments into the plan of which another version is installed. */
int apt_plan_debs(struct apt_task *t, struct err *err);

/* Runs apt-get with the task's options, a verb and words; with `simulate` nothing is done. */
int apt_get(struct apt_task *t, const char *verb, const struct strlist *words, bool simulate,
	struct err *err);
/* Runs a program that only looks; its output goes to `out`. */
int apt_ask(struct apt_task *t, const char *const *argv, struct strbuf *out, struct err *err);
/*
 * Waits until nobody holds a lock of dpkg or apt. ERR_BUSY at the task's limit, naming the
 * file and the process that holds it.
 */
int apt_wait_for_lock(struct apt_task *t, const char *path, struct err *err);

#endif
