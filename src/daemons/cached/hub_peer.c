/* SPDX-License-Identifier: Apache-2.0 */
/* Who may connect. The kernel says who it is, as of the moment of connect(2). */
#include <grp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemons/cached/hub_private.h"

int hub_group(const char *name, gid_t *group, struct err *err)
{
	const size_t room = 64u << 10;
	autofree char *scratch = xmalloc(room);
	struct group entry, *found = NULL;

	if (getgrnam_r(name, &entry, scratch, room, &found) != 0 || !found)
		return err_set(err, ERR_INPUT,
			"group %s: there is none; name one that exists, or leave it out", name);
	*group = entry.gr_gid;
	return 0;
}

static bool is_member(int fd, gid_t group)
{
	gid_t groups[4096]; /* Linux allows 65536, and nobody has as many */
	socklen_t size = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return false;
	for (size_t i = 0; i < size / sizeof(*groups); i++) {
		if (groups[i] == group)
			return true;
	}
	return false;
}

bool hub_peer_allowed(int fd, gid_t group, uid_t *uid)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	*uid = peer.uid;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	return group != (gid_t)-1 && (peer.gid == group || is_member(fd, group));
}
