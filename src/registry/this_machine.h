/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a host of the inventory is the machine that this program runs on: then its store
 * needs no connection. Internal to the room.
 */
#ifndef REGISTRY_THIS_MACHINE_H
#define REGISTRY_THIS_MACHINE_H

#include <stdbool.h>

/*
 * True if a host's name is this machine's, with or without its domain, and the address that the
 * inventory gives it (NULL: none) is this machine's, too: another machine may have the name.
 */
bool is_this_machine(const char *name, const char *address);

#endif
