/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions that a symbolic link leads to. People put links into a directory of models
 * (`MODEL/current`, a second name for a model); whoever removes versions must not pull one away
 * from under such a link.
 */
#ifndef TREE_LINKED_H
#define TREE_LINKED_H

#include "base/err.h"
#include "base/str.h"

/*
 * Looks at the links in a directory of models and in its models' directories. Appends
 * "MODEL/VERSION", sorted and each once, for every one that leads to a version's directory or
 * into it; links that lead elsewhere, or nowhere, count for nothing. A link to a model's
 * directory stands for all that lies there: "MODEL/VERSION" for each.
 */
int tree_linked(int root, struct strlist *out, struct err *err);

#endif
