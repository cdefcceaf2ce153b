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

#define APT_NAMES_MAX    512
#define APT_LOCK_SECONDS 60   /* that someone else's lock is waited for */
#define APT_SECONDS      3600 /* for one run of apt-get: it is never killed before */

enum apt_state { APT_PRESENT, APT_LATEST, APT_ABSENT, APT_BUILD_DEP, APT_FIXED };

struct apt_change {
	const char *name;
	const char *before, *after; /* versions; NULL: not installed */
};

struct apt_task {
	struct node_call *call;
	enum apt_state state;
	bool purge, autoremove, only_upgrade, allow_downgrade, force;
	bool fail_on_autoremove, allow_unauthenticated, allow_change_held;
	bool policy;            /* services obey policy_rc_d now */
	bool bare;              /* no package is named */
	const char *upgrade;    /* "yes", "safe", "full", "dist": all packages; NULL: none */
	int install_recommends; /* 1, 0, -1: as apt is configured */
	const char *default_release;
	const char *const *dpkg_options;
	deadline lock_until;
	double lock_seconds;

	struct dpkg_status before;
	struct strlist words; /* for apt-get: NAME, NAME=VERSION, /PATH.deb */
	struct strlist named; /* what shall be there: names */
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

/* When apt's lists were brought last, in seconds since 1970; 0: never. */
int64_t apt_lists_time(void);
/*
 * Brings the lists of packages if that is asked for and they are too old: 1 if so (in check
 * mode without doing it), else 0. Tried again as often as the task says.
 */
int apt_update_lists(struct apt_task *t, struct err *err);
/* Brings the lists of packages now, as often tried as the call's arguments say. */
int apt_refresh(struct node_call *c, struct err *err);
/* Makes services that packages start obey the exit code policy_rc_d, if one is given. */
int apt_policy_begin(struct apt_task *t, struct err *err);
/* Puts things back as they were before apt_policy_begin. */
void apt_policy_end(struct apt_task *t);
/* Marks those of the named packages as asked for that came as dependencies of others. */
int apt_mark_manual(struct apt_task *t, struct err *err);
/* Adds `diff` to the result, where it is asked for: what apt-get said it would do. */
void apt_tell_diff(struct apt_task *t);

#endif
