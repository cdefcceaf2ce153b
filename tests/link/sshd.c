/* SPDX-License-Identifier: Apache-2.0 */
#include "link/sshd.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/spawn.h"

#define SSHD "/usr/sbin/sshd"

bool sshd_available(void)
{
	return access(SSHD, X_OK) == 0;
}

unsigned free_port(void)
{
	autofd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	return ntohs(at.sin_port);
}

/* Makes the host's keys and known_hosts, and the client's key. */
static void make_keys(struct sshd *s, const struct sshd_options *o, struct strbuf *config)
{
	AUTO(strlist_release) struct strlist types = {0};
	AUTO(strbuf_release) struct strbuf known = STRBUF_INIT;

	strlist_split(&types, o->host_keys ? o->host_keys : "ed25519 ecdsa", " ");
	for (size_t i = 0; i < types.count; i++) {
		autofree char *name = xasprintf("host_%s", types.items[i]);
		autofree char *path = scratch_path(&s->scratch, name);
		autofree char *public = xasprintf("%s.pub", name);
		run_program(
			"ssh-keygen", "-q", "-t", types.items[i], "-N", "", "-f", path, NULL);
		strbuf_addf(config, "HostKey %s\n", path);
		autofree char *line = scratch_read(&s->scratch, public);
		strbuf_addf(&known, "[127.0.0.1]:%u %s", s->port, line);
	}
	scratch_write(&s->scratch, "known_hosts", known.data, 0600);
	run_program("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", s->client_key, NULL);
	autofree char *own = scratch_read(&s->scratch, "client_key.pub");
	scratch_write(&s->scratch, "authorized_keys", own, 0600);
}

static void write_configs(struct sshd *s, const struct sshd_options *o, struct strbuf *config)
{
	AUTO(strbuf_release) struct strbuf client = STRBUF_INIT;

	strbuf_addstr(config, o->config ? o->config : "");
	strbuf_addf(config,
		"\nPort %u\nListenAddress 127.0.0.1\nPidFile none\nStrictModes no\n"
		"AuthorizedKeysFile %s/authorized_keys\nUsePAM no\nMaxStartups 100\n"
		"PermitRootLogin yes\nPasswordAuthentication no\n"
		"KbdInteractiveAuthentication no\nLogLevel ERROR\n"
		"SetEnv HOME=%s\nSubsystem sftp internal-sftp\n",
		s->port, s->scratch.dir, s->home);
	scratch_write(&s->scratch, "sshd_config", config->data, 0600);
	strbuf_addf(&client,
		"%s\nUserKnownHostsFile %s\nGlobalKnownHostsFile none\nIdentityFile %s\n"
		"IdentityAgent none\nHashKnownHosts no\n",
		o->client_lines ? o->client_lines : "", s->known_hosts, s->client_key);
	scratch_write(&s->scratch, "ssh_config", client.data, 0600);
}

/* True once the port answers. */
static bool listens(unsigned port)
{
	autofd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	return connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
}

/*
 * The script that runs sshd, which ends with this process. With a password, sshd gets a mount
 * namespace of its own in which /etc/shadow and its PAM service are files of ours; nobody else
 * sees them.
 */
static void write_script(struct sshd *s, const struct sshd_options *o)
{
	AUTO(strbuf_release) struct strbuf script = STRBUF_INIT;

	strbuf_addstr(&script, "#!/bin/sh\nmkdir -p /run/sshd 2>/dev/null\n");
	if (o->password) {
		const char *argv[] = {"openssl", "passwd", "-6", o->password, NULL};
		struct spawn_options so = {.argv = argv};
		struct spawn_result r;
		assert_int_equal(spawn_run(&so, &r, NULL), 0);
		strbuf_rtrim(&r.out);
		autofree char *line =
			xasprintf("%s:%s:19000:0:99999:7:::\n", current_user(), r.out.data);
		scratch_write(&s->scratch, "shadow", line, 0600);
		scratch_write(&s->scratch, "pam",
			"auth required pam_unix.so\naccount required pam_permit.so\n"
			"session required pam_permit.so\n",
			0644);
		strbuf_addf(&script,
			"mount --bind %s/shadow /etc/shadow\nmount --bind %s/pam "
			"/etc/pam.d/sshd\n",
			s->scratch.dir, s->scratch.dir);
		spawn_result_release(&r);
	}
	strbuf_addf(&script,
		"exec setpriv --pdeathsig KILL " SSHD " -D -f %s/sshd_config -E %s/log\n",
		s->scratch.dir, s->scratch.dir);
	scratch_write(&s->scratch, "run", script.data, 0700);
}

static void launch(struct sshd *s)
{
	autofree char *script = scratch_path(&s->scratch, "run");
	const char *const own[] = {"unshare", "-m", script, NULL};
	const char *const plain[] = {script, NULL};
	struct spawn_options so = {.argv = s->namespaced ? own : plain};
	struct spawn_child child;

	assert_int_equal(spawn_start(&so, &child, NULL), 0);
	s->pid = child.pid;
	fd_close(&child.in);
	fd_close(&child.out);
	fd_close(&child.err);
	for (int i = 0; i < 6000 && !listens(s->port); i++)
		usleep(10000);
	if (!listens(s->port)) {
		autofree char *log = scratch_read(&s->scratch, "log");
		fail_msg("sshd does not listen: %s", log);
	}
}

void sshd_start(struct sshd *s, const struct sshd_options *o)
{
	AUTO(strbuf_release) struct strbuf config = STRBUF_INIT;

	*s = (struct sshd){.port = free_port()};
	scratch_init(&s->scratch);
	s->home = scratch_path(&s->scratch, "home");
	s->client_key = scratch_path(&s->scratch, "client_key");
	s->known_hosts = scratch_path(&s->scratch, "known_hosts");
	s->client_config = scratch_path(&s->scratch, "ssh_config");
	assert_int_equal(path_mkdirs(s->home, 0700, NULL), 0);
	make_keys(s, o, &config);
	write_configs(s, o, &config);
	write_script(s, o);
	s->namespaced = o->password != NULL;
	launch(s);
}

const char *current_user(void)
{
	return getpwuid(getuid())->pw_name;
}

/* The parent of a process; 0 when it is gone. */
static pid_t parent_of(pid_t pid)
{
	AUTO(strbuf_release) struct strbuf stat = STRBUF_INIT;
	autofree char *path = xasprintf("/proc/%d/stat", (int)pid);
	int parent = 0;

	if (file_read(path, 4096, &stat, NULL) < 0)
		return 0;
	const char *behind = strrchr(stat.data, ')');
	if (!behind || sscanf(behind + 1, " %*c %d", &parent) != 1)
		return 0;
	return parent;
}

/* The process that has `pid` as its parent and does not lead it; 0 when there is none. */
static pid_t child_of(pid_t pid)
{
	pid_t found = 0;
	DIR *proc = opendir("/proc");

	for (struct dirent *e; !found && (e = readdir(proc));) {
		int64_t candidate;
		if (parse_int(e->d_name, 1, INT32_MAX, &candidate) &&
			parent_of((pid_t)candidate) == pid)
			found = (pid_t)candidate;
	}
	closedir(proc);
	return found;
}

bool sshd_kill_session(const struct sshd *s)
{
	pid_t session = child_of(s->pid);

	return session > 0 && kill(session, SIGKILL) == 0;
}

/* Ends the daemon and its sessions. */
static void kill_all(struct sshd *s)
{
	while (sshd_kill_session(s))
		usleep(2000);
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

void sshd_restart(struct sshd *s, const char *config)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	autofree char *old = scratch_read(&s->scratch, "sshd_config");

	for (const char *c = config; *c; c++) {
		if (str_starts(c, "DIR/")) {
			strbuf_addstr(&text, s->scratch.dir);
			c += 2;
		} else {
			strbuf_addch(&text, *c);
		}
	}
	strbuf_addstr(&text, old);
	scratch_write(&s->scratch, "sshd_config", text.data, 0600);
	kill_all(s);
	launch(s);
}

void sshd_stop(struct sshd *s)
{
	kill_all(s);
	scratch_release(&s->scratch);
	free(s->home);
	free(s->client_key);
	free(s->known_hosts);
	free(s->client_config);
}

void sshd_options_for(const struct sshd *s, struct link_options *o)
{
	o->transport = LINK_AUTO;
	o->address = "127.0.0.1";
	o->port = s->port;
	o->ssh_config_file = s->client_config;
}
