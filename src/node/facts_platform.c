/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about the kernel, the architecture and the names of the host. They are what uname(2)
 * tells; the same stands in /proc/sys/kernel, where a root is asked for.
 */
#include <sys/utsname.h>

#include "base/str.h"
#include "node/facts.h"

/* What getent prints for a name; "" when it knows nothing. -1 when the engine is gone. */
static int ask_getent(struct facts *f, const char *database, const char *name, const char **out,
	struct err *err)
{
	const char *const argv[] = {"getent", database, name, NULL};

	if (facts_run(f, argv, out, err) < 0)
		return -1;
	if (!*out)
		*out = "";
	return 0;
}

/* The names behind an address in a line of getent: the first with a dot, else the first. */
static const char *best_name(const struct facts *f, const char *line)
{
	const char *end = arena_strndup(f->arena, line, strcspn(line, "\n"));
	const char *const *words = facts_words(f->arena, end);

	if (!*words)
		return NULL;
	for (size_t i = 1; words[i]; i++)
		if (strchr(words[i], '.'))
			return words[i];
	return words[1];
}

/* As Python's getfqdn finds it: the address of the name, and its names. */
int facts_fqdn(struct facts *f, const char *nodename, const char **fqdn, struct err *err)
{
	const char *found, *line;

	*fqdn = nodename;
	if (ask_getent(f, "ahosts", nodename, &found, err) < 0)
		return -1;
	if (!*found)
		return 0;
	const char *address = arena_strndup(f->arena, found, strcspn(found, " \t\n"));
	if (ask_getent(f, "hosts", address, &line, err) < 0)
		return -1;
	const char *name = best_name(f, line);
	if (name)
		*fqdn = name;
	return 0;
}

/* The architecture that packages are for: 32-bit x86 has many names. */
static const char *architecture_of(const char *machine)
{
	bool old = machine[0] == 'i' && machine[1] && strcmp(machine + 2, "86") == 0;

	return old ? "i386" : machine;
}

static void copy_text(char *to, size_t size, const char *from)
{
	size_t n = strlen(from);

	n = n < size ? n : size - 1;
	memcpy(to, from, n);
	to[n] = '\0';
}

/* uname(2), or what a root's files say in its place. */
static int find_system(struct facts *f, struct utsname *u, struct err *err)
{
	*u = (struct utsname){0};
	if (!*f->root)
		return uname(u) < 0 ? err_sys(err, "uname") : 0;
#define FROM(field_, name_)                                                                    \
	copy_text(u->field_, sizeof(u->field_),                                                \
		facts_text_or_empty(f, "/proc/sys/kernel/" name_))
	FROM(sysname, "ostype");
	FROM(nodename, "hostname");
	FROM(release, "osrelease");
	FROM(version, "version");
	FROM(machine, "arch");
#undef FROM
	return 0;
}

/* What programs of the system are made for, which may be less than the kernel is. */
static void tell_userspace(struct facts *f, const char *machine)
{
	static const char *const wide[] = {
		"x86_64", "aarch64", "ppc64", "ppc64le", "s390x", "riscv64"};
	bool is_wide = false;

	for (size_t i = 0; i < ARRAY_SIZE(wide); i++)
		is_wide |= strcmp(machine, wide[i]) == 0;
	if (is_wide && !facts_exists(f, "/lib64") && !facts_exists(f, "/usr/lib64") &&
		facts_exists(f, "/lib/arm-linux-gnueabihf"))
		is_wide = false;
	facts_put(f, "ansible_userspace_bits", is_wide ? "64" : "32");
	if (strcmp(machine, "x86_64") == 0)
		facts_put(f, "ansible_userspace_architecture", "x86_64");
	else if (strcmp(architecture_of(machine), "i386") == 0)
		facts_put(f, "ansible_userspace_architecture", "i386");
}

int facts_platform(struct facts *f, struct err *err)
{
	struct utsname u;
	const char *fqdn, *id = facts_line(f, "/var/lib/dbus/machine-id");

	if (find_system(f, &u, err) < 0 || facts_fqdn(f, u.nodename, &fqdn, err) < 0)
		return -1;
	if (!id)
		id = facts_line(f, "/etc/machine-id");
	const char *dot = strchr(fqdn, '.');
	facts_put(f, "ansible_system", u.sysname);
	facts_put(f, "ansible_kernel", u.release);
	facts_put(f, "ansible_kernel_version", u.version);
	facts_put(f, "ansible_machine", u.machine);
	facts_put(f, "ansible_architecture", architecture_of(u.machine));
	tell_userspace(f, u.machine);
	facts_put(f, "ansible_nodename", arena_strdup(f->arena, u.nodename));
	item_put_stringn(f->out, "ansible_hostname", u.nodename, strcspn(u.nodename, "."));
	facts_put(f, "ansible_fqdn", fqdn);
	facts_put(f, "ansible_domain", dot ? dot + 1 : "");
	if (id)
		facts_put(f, "ansible_machine_id", id);
	return 0;
}
