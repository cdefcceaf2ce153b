/* SPDX-License-Identifier: Apache-2.0 */
/* What a service tells systemd: that it is ready, what it does, that it lives. */
#ifndef DAEMONS_NOTIFY_H
#define DAEMONS_NOTIFY_H

/*
 * Takes what systemd says in the environment, before there are threads. It is taken out of
 * there, so that no program that this one runs speaks in its place.
 */
void notify_setup(void);
/* Sends "READY=1" and the like to $NOTIFY_SOCKET; nothing where there is none. */
void notify_supervisor(const char *state);
/*
 * Tells that this process lives, once a second at most: called by whatever takes long. From one
 * thread. As the pulse of a cancel token (base/clock.h) it is called by every wait.
 */
void notify_alive(void);
/* Half of the seconds within which systemd wants to hear of us; negative: it does not. */
double notify_interval(void);

#endif
