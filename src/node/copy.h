/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the module copy share.
 */
#ifndef NODE_COPY_H
#define NODE_COPY_H

#include "node/attributes.h"

#define COPY_BEFORE_MAX (256u << 10) /* bytes of former content in a result */

#endif
