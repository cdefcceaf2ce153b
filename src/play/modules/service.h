/* SPDX-License-Identifier: Apache-2.0 */
/* What the modules that deal with services share. */
#ifndef PLAY_MODULES_SERVICE_H
#define PLAY_MODULES_SERVICE_H

#include "play/module.h"

/* The members of `commands`: what starts, stops and asks a service that has no manager. */
extern const struct argument service_commands[];

#endif
