/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the module `pip`: the Python that is meant, what it has (asked of it by a small
 * program, without the network), and one run of pip for all that is missing.
 *
 * A wheel of the engine comes in two steps, as a .deb does: its name says distribution and
 * version; its content is asked for by `need` only when that is not installed.
 */
#ifndef NODE_PIP_H
#define NODE_PIP_H

#include "base/strmap.h"
#include "base/vec.h"
#include "node/module.h"
#include "node/scratch.h"

#define PIP_NAMES_MAX 512
#define PIP_LOOK_TIME 120 /* seconds for asking what is installed */

enum pip_answer { PIP_UNMET, PIP_MET, PIP_UNKNOWN };

/* One thing that is wanted: a requirement, a wheel of ours, or a requirements file. */
struct pip_want {
	const char *text; /* for the probe and for pip: "numpy<2", or a file's path */
	bool is_file;
	const char *wheel;        /* the file's name; NULL: it is no wheel */
	const struct item *given; /* of a wheel: the dict with its content */
	enum pip_answer answer;
};

struct pip_task {
	struct node_call *call;
	const char *state;
	const char *virtualenv; /* NULL: none */
	const char *chdir;
	const char *python;       /* whose packages they are */
	struct strlist pip;       /* the command that pip is */
	const char *const *extra; /* arguments; NULL: none */
	struct {
		struct pip_want *items;
		size_t count, cap;
	} wants;
	struct strmap before; /* versions by name, the arena's */
	struct scratch scratch;
	struct strlist command; /* that was run */
	struct strbuf out, err; /* what programs printed */
};

/* Reads the arguments `names`, `wheels` and `requirements`. */
int pip_read_wants(struct pip_task *t, struct err *err);
/* "numpy==1.26.4" for the name of a wheel's file; NULL with ERR_INPUT. */
const char *pip_wheel_requirement(struct arena *a, const char *file, struct err *err);

/* Whether the virtual environment has to be made; false when none is asked for. */
bool pip_lacks_virtualenv(const struct pip_task *t);
/* Makes it. */
int pip_make_virtualenv(struct pip_task *t, struct err *err);
/* Finds the Python and the pip that the arguments mean. */
void pip_find(struct pip_task *t);

/* Asks the Python what it has, into `have`, and with `wants` what of them that meets. */
int pip_probe(struct pip_task *t, struct strmap *have, bool wants, struct err *err);
/* Runs a program with the task's environment and keeps what it prints. */
int pip_run(struct pip_task *t, const struct strlist *argv, struct err *err);

#endif
