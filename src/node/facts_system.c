/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about the system: names, kernel, managers, user, environment, clock.
 */
#include <sys/utsname.h>
#include <unistd.h>

#include "base/path.h"
#include "base/str.h"
#include "node/facts.h"
#include "node/users.h"

#define GETENT_SECONDS 5.0

extern char **environ;

/* What getent prints for a name; "" when it knows nothing. In the arena. */
static const char *ask_getent(
	struct node_call *c, const char *database, const char *name, struct err *err)
{
	const char *const argv[] = {"getent", database, name, NULL};
	struct call_program p = {.argv = argv, .until = deadline_in(GETENT_SECONDS)};
	struct err why = {0};

	int result = call_run(c, &p, &why);
	const char *out = result == 0 && p.status == 0
				  ? arena_strndup(c->arena, p.out.data, p.out.len)
				  : "";
	call_program_release(&p);
	if (result < 0 && why.code == ERR_UNREACHABLE) {
		err_set(err, why.code, "%s", why.text);
		return NULL;
	}
	return out;
}

/* The names behind an address in a line of getent: the first with a dot, else the first. */
static const char *best_name(struct node_call *c, const char *line)
{
	const char *first = NULL;

	line += strcspn(line, " \t\n");
	while (*(line += strspn(line, " \t")) && *line != '\n') {
		size_t n = strcspn(line, " \t\n");
		const char *name = arena_strndup(c->arena, line, n);
		if (strchr(name, '.'))
			return name;
		first = first ? first : name;
		line += n;
	}
	return first;
}

/* The full name as Python's getfqdn finds it: the address of the name, and its names. */
static const char *find_fqdn(struct node_call *c, const char *nodename, struct err *err)
{
	const char *found = ask_getent(c, "ahosts", nodename, err);

	if (!found)
		return NULL;
	if (!*found)
		return nodename;
	const char *address = arena_strndup(c->arena, found, strcspn(found, " \t\n"));
	const char *line = ask_getent(c, "hosts", address, err);
	if (!line)
		return NULL;
	const char *name = best_name(c, line);
	return name ? name : nodename;
}

/* The architecture that packages are for: 32-bit x86 has many names. */
static const char *architecture_of(const char *machine)
{
	bool old = machine[0] == 'i' && machine[1] && strcmp(machine + 2, "86") == 0;

	return old ? "i386" : machine;
}

int facts_platform(struct node_call *c, struct err *err)
{
	struct utsname u;
	struct item_writer *out = c->out;

	if (uname(&u) < 0)
		return err_sys(err, "uname");
	const char *fqdn = find_fqdn(c, u.nodename, err);
	const char *id = facts_line(c, "/var/lib/dbus/machine-id");
	if (!fqdn)
		return -1;
	if (!id || !*id)
		id = facts_line(c, "/etc/machine-id");
	const char *dot = strchr(fqdn, '.');
	item_put_string(out, "ansible_system", u.sysname);
	item_put_string(out, "ansible_kernel", u.release);
	item_put_string(out, "ansible_kernel_version", u.version);
	item_put_string(out, "ansible_machine", u.machine);
	item_put_string(out, "ansible_architecture", architecture_of(u.machine));
	item_put_string(out, "ansible_nodename", u.nodename);
	item_put_stringn(out, "ansible_hostname", u.nodename, strcspn(u.nodename, "."));
	item_put_string(out, "ansible_fqdn", fqdn);
	item_put_string(out, "ansible_domain", dot ? dot + 1 : "");
	if (id && *id)
		item_put_string(out, "ansible_machine_id", id);
	return 0;
}

static bool is_in_path(const char *program)
{
	static const char *const dirs[] = {
		"/sbin", "/usr/sbin", "/usr/local/sbin", "/bin", "/usr/bin", "/usr/local/bin"};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		autofree char *path = path_join(dirs[i], program);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* What manages services where the first process does not tell. */
static const char *manager_by_files(void)
{
	char target[256] = "";

	if (is_in_path("systemctl") &&
		(path_exists("/run/systemd/system/") || path_exists("/dev/.run/systemd/") ||
			path_exists("/dev/.systemd/")))
		return "systemd";
	if (is_in_path("initctl") && path_exists("/etc/init/"))
		return "upstart";
	if (path_exists("/sbin/openrc"))
		return "openrc";
	if (readlink("/sbin/init", target, sizeof(target) - 1) > 0 && is_in_path("systemctl") &&
		strcmp(path_basename(target), "systemd") == 0)
		return "systemd";
	return path_exists("/etc/init.d/") ? "sysvinit" : "service";
}

int facts_service_mgr(struct node_call *c, struct err *err)
{
	static const struct {
		const char *process, *manager;
	} known[] = {{"procd", "openwrt_init"}, {"runit-init", "runit"}, {"svscan", "svc"},
		{"openrc-init", "openrc"}};
	const char *first = facts_line(c, "/proc/1/comm");

	(void)err;
	if (!first || strcmp(first, "init") == 0 || str_ends(first, "sh"))
		first = manager_by_files();
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(known[i].process, first) == 0)
			first = known[i].manager;
	}
	item_put_string(c->out, "ansible_service_mgr", first);
	return 0;
}

int facts_pkg_mgr(struct node_call *c, struct err *err)
{
	/* The first that is there; on Debian, apt whatever else is installed. */
	static const struct {
		const char *path, *manager;
	} known[] = {{"/usr/bin/apt-get", "apt"}, {"/usr/bin/dnf", "dnf"},
		{"/usr/bin/yum", "yum"}, {"/usr/bin/zypper", "zypper"},
		{"/usr/bin/pacman", "pacman"}, {"/sbin/apk", "apk"}, {"/bin/opkg", "opkg"},
		{"/usr/bin/emerge", "portage"}, {"/usr/bin/xbps-install", "xbps"}};
	const char *found = "unknown";

	(void)err;
	for (size_t i = ARRAY_SIZE(known); i-- > 0;) {
		if (path_exists(known[i].path))
			found = known[i].manager;
	}
	item_put_string(c->out, "ansible_pkg_mgr", found);
	return 0;
}

int facts_user(struct node_call *c, struct err *err)
{
	struct item_writer *out = c->out;
	struct user u;

	(void)err;
	if (user_by_uid(getuid(), &u)) {
		item_put_string(out, "ansible_user_id", u.name);
		item_put_string(out, "ansible_user_dir", u.home);
		item_put_int(out, "ansible_user_gid", u.gid);
	}
	item_put_int(out, "ansible_user_uid", getuid());
	item_put_int(out, "ansible_real_user_id", getuid());
	item_put_int(out, "ansible_real_group_id", getgid());
	item_put_int(out, "ansible_effective_user_id", geteuid());
	item_put_int(out, "ansible_effective_group_id", getegid());
	return 0;
}

int facts_env(struct node_call *c, struct err *err)
{
	(void)err;
	item_open_dict(c->out, "ansible_env");
	for (char **entry = environ; *entry; entry++) {
		size_t n = strcspn(*entry, "=");
		if (!(*entry)[n] || n > UINT16_MAX)
			continue;
		item_put_string(c->out, arena_strndup(c->arena, *entry, n), *entry + n + 1);
	}
	item_close(c->out);
	return 0;
}

int facts_date_time(struct node_call *c, struct err *err)
{
	static const char *const keys[] = {"year", "month", "weekday", "weekday_number",
		"weeknumber", "day", "hour", "minute", "second", "date", "time", "tz",
		"tz_offset", "iso8601_basic_short"};
	struct item_writer *out = c->out;
	struct timespec now;
	struct tm here, utc;
	char text[256];

	(void)err;
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &here);
	gmtime_r(&now.tv_sec, &utc);
	unsigned micro = (unsigned)(now.tv_nsec / 1000);
	strftime(text, sizeof(text),
		"%Y\n%m\n%A\n%w\n%W\n%d\n%H\n%M\n%S\n%Y-%m-%d\n%H:%M:%S\n%Z\n%z\n%Y%m%dT%H%M%S",
		&here);
	const char *line = text;
	item_open_dict(out, "ansible_date_time");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		size_t n = strcspn(line, "\n");
		item_put_stringn(out, keys[i], line, n);
		if (i + 1 < ARRAY_SIZE(keys))
			line += n + (line[n] == '\n');
	}
	item_put_stringf(out, "iso8601_basic", "%s%06u", line, micro);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	item_put_stringf(out, "iso8601", "%sZ", text);
	item_put_stringf(out, "iso8601_micro", "%s.%06uZ", text, micro);
	item_put_stringf(out, "epoch", "%lld", (long long)now.tv_sec);
	item_put_stringf(out, "epoch_int", "%lld", (long long)now.tv_sec);
	item_put_string(out, "tz_dst", tzname[1]);
	item_close(out);
	return 0;
}
