/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a host's pin is to be written. Internal to cli/; history/move.h writes it.
 */
#ifndef CLI_MOVE_PIN_H
#define CLI_MOVE_PIN_H

#include "inventory/inventory.h"
#include "vars/vars.h"

/*
 * Finds the file for a host's pin, new memory, which may be absent: where its pins are now,
 * else the host's file of host_vars (in a directory HOST/ the last one that is not encrypted),
 * else host_vars/HOST.yaml beside the inventory. ERR_UNSUPPORTED when a pin there would hide
 * pins of other models that come from elsewhere.
 */
int move_pin_file(const struct inventory *inventory, struct vars_view *view, const char *model,
	char **path, struct err *err);

#endif
