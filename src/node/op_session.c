/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations on the connection and the program itself: HELLO, PING, ECHO, COPY_SELF,
 * PRUNE_HELPERS.
 */
#include "node/session.h"

#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/path.h"
#include "node/helper_file.h"
#include "node/request.h"
#include "node/transaction.h"
#include "node/users.h"

void session_home(char out[1024])
{
	struct user u;
	const char *home = getenv("HOME");

	if (home && *home == '/')
		snprintf(out, 1024, "%s", home);
	else
		snprintf(out, 1024, "%s", user_by_uid(getuid(), &u) ? u.home : "/");
}

struct hash_cache *session_hash_cache(void)
{
	char home[1024];
	const char *given = getenv("XDG_CACHE_HOME");

	session_home(home);
	autofree char *path = given && *given == '/'
				      ? xasprintf("%s/modelfleet/hashes", given)
				      : xasprintf("%s/.cache/modelfleet/hashes", home);
	return hash_cache_open(path, NULL);
}

int op_hello(struct request *q, struct err *err)
{
	struct utsname system;
	struct timespec now;
	struct user u;
	char home[1024];

	if (uname(&system) < 0)
		return err_sys(err, "uname");
	if (!user_by_uid(getuid(), &u))
		snprintf(u.name, sizeof(u.name), "%u", (unsigned)getuid());
	session_home(home);
	clock_gettime(CLOCK_REALTIME, &now);
	wire_put_hello(&q->reply, &(struct wire_hello){.version = MODELFLEET_VERSION,
					  .machine = system.machine,
					  .hostname = system.nodename,
					  .user = u.name,
					  .home = home,
					  .uid = getuid(),
					  .gid = getgid(),
					  .umask = q->node->login_umask,
					  .now_s = now.tv_sec,
					  .now_ns = (uint32_t)now.tv_nsec,
					  .root_pending = transaction_of_root_pending()});
	return 0;
}

int op_ping(struct request *q, struct err *err)
{
	(void)q;
	(void)err;
	return 0;
}

int op_echo(struct request *q, struct err *err)
{
	return request_bytes(q, q->frame->data, q->frame->len, err);
}

int op_copy_self(struct request *q, struct err *err)
{
	struct msg_reader r;

	msg_read(&r, q->frame->data, q->frame->len);
	const char *base = msg_string(&r, 1024);
	if (msg_end(&r, "a COPY_SELF request", err) < 0)
		return -1;
	if (*base != '/')
		return err_set(err, ERR_INPUT, "%s is no absolute directory", base);
	char *path = helper_copy_for_all(base, err);
	if (!path)
		return -1;
	msg_put_string(&q->reply, path);
	/* It goes once the next BECOME has run it, see node_drop_copy. */
	node_drop_copy(q->node);
	q->node->copy = path;
	return 0;
}

int op_prune_helpers(struct request *q, struct err *err)
{
	struct msg_reader r;
	char exe[4096];

	msg_read(&r, q->frame->data, q->frame->len);
	uint32_t days = msg_u32(&r);
	if (msg_end(&r, "a PRUNE_HELPERS request", err) < 0)
		return -1;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n < 0)
		return err_sys(err, "find the helper's own file");
	exe[n] = '\0';
	autofree char *dir = path_dirname(exe);
	msg_put_u32(&q->reply, helper_prune(dir, time(NULL) - (time_t)days * 86400));
	return 0;
}
