/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of a stage: for each file, whether it is there, can be had from elsewhere on the
 * node, or must be sent, and against which basis.
 */
#ifndef NODE_PLAN_H
#define NODE_PLAN_H

#include "node/request.h"
#include "node/stage.h"

/* Files smaller than this are sent whole: a signature would cost as much. */
#define PLAN_DELTA_MIN 8192u

/*
 * Fills the stage's entries. Unless the stage is dry, the staging directory is opened and
 * cleaned of what does not belong to the manifest, and reusable files are brought into it.
 * ERR_NOSPACE when the rest does not fit the disk.
 */
int plan_make(struct request *q, struct stage *s, struct err *err);

/*
 * The part of the plan that looks at other versions: takes content that is on the node
 * already into the stage, and finds basis versions for what is left.
 */
int plan_elsewhere(struct request *q, struct stage *s, struct err *err);

#endif
