/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish-model --activate: the version becomes current in the registry's file, by a commit.
 * Whatever could keep the commit from succeeding is looked at before anything is copied.
 */
#include "cli/publish.h"

int publish_prepare_move(struct publish *p, struct err *err)
{
	const char *near = publish_nearest(p);

	if (!p->activate)
		return 0;
	if (!p->model)
		return err_set(err, ERR_NOTFOUND,
			"--activate: the registry has no model %s%s%s%s; add it to " VAR_MODELS
			" in model_registry.yaml first, or publish without --activate",
			p->request.model, near ? " (did you mean " : "", near ? near : "",
			near ? "?)" : "");
	p->move.what = "Activate";
	p->move.why = p->note;
	if (move_version(&p->move, p->model, p->request.version, err) == 0)
		return move_check(&p->move, err);
	if (err->code != ERR_EXISTS)
		return -1;
	err_clear(err);
	p->was_current = true;
	return 0;
}

int publish_move(struct publish *p, struct err *err)
{
	if (!p->activate || p->was_current)
		return 0;
	if (move_commit(&p->move, &p->engine.cancel, err) < 0)
		return err_wrap(err, "the version is published, but not current");
	if (!p->push)
		return 0;
	if (git_push_branch(p->move.paths.items[0], &p->engine.cancel, err) < 0)
		return err_wrap(err,
			"the version is published and current here, by commit %.12s",
			p->move.commit);
	p->pushed = true;
	return 0;
}
