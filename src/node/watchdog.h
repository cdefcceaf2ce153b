/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watchdog: what takes a transaction back when its engine does not.
 *
 * Theory of operation. It is armed before the first change, and for two cases:
 *
 *     The engine or its link is gone. After confirm_timeout seconds a timer starts a copy of
 *     this helper with `--watch ID`. That looks when the engine was last heard; as long as it
 *     is heard, the helper only waits. The timer is a transient one of systemd (the user's
 *     manager where the user lingers); elsewhere a detached process waits from the beginning.
 *
 *     The node boots. A unit file with its link in a target's .wants starts the copy with
 *     `--revert-all` before ordinary services start. It is written without `daemon-reload`:
 *     the running manager needs not know it, the next boot reads it. Should something else
 *     reload the manager, it may be started in this boot: then it finds that the
 *     transactions are of this boot and leaves them alone.
 *
 * Confirming or undoing stops the timer, and removes the unit with the last transaction that
 * needs it. The copy of the helper lies in the state directory's `bin`, because the one that
 * runs may lie in the cache of another user.
 */
#ifndef NODE_WATCHDOG_H
#define NODE_WATCHDOG_H

#include <stdint.h>

#include "base/err.h"

/*
 * Arms timer and unit for a transaction; nothing for 0 seconds. -1 when neither timer nor
 * process can be had. A unit that cannot be written is told by watchdog_gap.
 */
int watchdog_arm(const char *id, const char *title, uint32_t seconds, struct err *err);
/* Stops the timer, and removes the unit if no other transaction needs it. `base_fd` is the
 * directory of transactions. Does not wait and does not fail. */
void watchdog_disarm(const char *id, int base_fd);
/* What this node cannot promise a transaction with such a timeout, as a sentence for the
 * report; "" when nothing is missing. */
const char *watchdog_gap(uint32_t seconds);

#endif
