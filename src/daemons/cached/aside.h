/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that nobody waits for, on a thread that gives way: whoever else wants to run is not held
 * up by it (SCHED_IDLE, sched(7); a low priority alone would not do: a thread that wakes up may
 * have to wait for the end of another one's slice, however low that one's priority is).
 *
 * Such a thread hardly runs while all processors are busy. Then the work is done as any other,
 * because it has to end. And a thread cannot get its former kind back without privileges, so
 * each work has one of its own. It must take no lock that others wait for: they would wait for
 * a processor that has nothing to do.
 */
#ifndef CACHED_ASIDE_H
#define CACHED_ASIDE_H

#include <stdbool.h>

/*
 * True if a machine with so many processors has time left, by its load average (the mean number
 * of threads that ran or wanted to).
 */
bool aside_has_time(double load, long processors);

/*
 * Does the work and returns what it returned: on a thread that gives way if `aside` is true and
 * the machine has time left, else on the caller's. The caller waits for it in any case. What
 * the work starts inherits the thread's kind.
 */
int aside_run(bool aside, int (*work)(void *arg), void *arg);

#endif
