/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The distribution, from /etc/os-release (os-release(5)), by the names that Ansible has for
 * distributions and their families.
 */
#include "base/fd.h"
#include "base/str.h"
#include "node/facts.h"

struct known {
	const char *id; /* ID of os-release */
	const char *name, *family;
	const char *version_file; /* which has more of the version; NULL: VERSION_ID */
};

static const struct known distributions[] = {
	{"debian", "Debian", "Debian", "/etc/debian_version"},
	{"raspbian", "Debian", "Debian", "/etc/debian_version"},
	{"ubuntu", "Ubuntu", "Debian", NULL},
	{"linuxmint", "Linux Mint", "Debian", NULL},
	{"kali", "Kali", "Debian", NULL},
	{"devuan", "Devuan", "Debian", NULL},
	{"pop", "Pop!_OS", "Debian", NULL},
	{"deepin", "Deepin", "Debian", NULL},
	{"fedora", "Fedora", "RedHat", NULL},
	{"centos", "CentOS", "RedHat", NULL},
	{"rhel", "RedHat", "RedHat", NULL},
	{"rocky", "Rocky", "RedHat", NULL},
	{"almalinux", "AlmaLinux", "RedHat", NULL},
	{"ol", "OracleLinux", "RedHat", NULL},
	{"amzn", "Amazon", "RedHat", NULL},
	{"opensuse-leap", "openSUSE Leap", "Suse", NULL},
	{"opensuse-tumbleweed", "openSUSE Tumbleweed", "Suse", NULL},
	{"sles", "SLES", "Suse", NULL},
	{"arch", "Archlinux", "Archlinux", NULL},
	{"manjaro", "Manjaro", "Archlinux", NULL},
	{"gentoo", "Gentoo", "Gentoo", NULL},
	{"alpine", "Alpine", "Alpine", "/etc/alpine-release"},
};

static const struct known *find_known(const char *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(distributions); i++) {
		if (strcmp(distributions[i].id, id) == 0)
			return &distributions[i];
	}
	return NULL;
}

/* The value of NAME=value in os-release, its quotes taken away; "" when it is not there. */
static const char *release_value(struct node_call *c, const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, n) != 0 || line[n] != '=')
			continue;
		const char *value = line + n + 1;
		size_t len = strcspn(value, "\n");
		if (len >= 2 && (*value == '"' || *value == '\'') && value[len - 1] == *value)
			return arena_strndup(c->arena, value + 1, len - 2);
		return arena_strndup(c->arena, value, len);
	}
	return "";
}

/* The family of one that we do not know, by those that it says it is like. */
static const char *family_like(struct node_call *c, const char *like, const char *otherwise)
{
	while (*like) {
		size_t n = strcspn(like, " ");
		const struct known *k = find_known(arena_strndup(c->arena, like, n));
		if (k)
			return k->family;
		like += n + strspn(like + n, " ");
	}
	return otherwise;
}

/* "12.11" in a file, where os-release has "12" only. */
static const char *full_version(struct node_call *c, const struct known *k, const char *version)
{
	const char *line = k && k->version_file ? facts_line(c, k->version_file) : NULL;

	/* Testing has words there, not a number. */
	return line && *line >= '0' && *line <= '9' ? line : version;
}

int facts_distribution(struct node_call *c, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct item_writer *out = c->out;

	(void)err;
	if (file_read("/etc/os-release", FACTS_FILE_MAX, &text, NULL) < 0 &&
		file_read("/usr/lib/os-release", FACTS_FILE_MAX, &text, NULL) < 0)
		return 0;
	const struct known *k = find_known(release_value(c, text.data, "ID"));
	const char *name = k ? k->name : release_value(c, text.data, "NAME");
	const char *like = release_value(c, text.data, "ID_LIKE");
	const char *version = full_version(c, k, release_value(c, text.data, "VERSION_ID"));
	const char *release = release_value(c, text.data, "VERSION_CODENAME");
	const char *dot = strchr(version, '.');

	item_put_string(out, "ansible_distribution", name);
	item_put_string(out, "ansible_distribution_version", version);
	item_put_stringn(
		out, "ansible_distribution_major_version", version, strcspn(version, "."));
	if (k && strcmp(k->name, "Debian") == 0 && dot)
		item_put_string(out, "ansible_distribution_minor_version", dot + 1);
	item_put_string(out, "ansible_distribution_release", *release ? release : "NA");
	item_put_string(out, "ansible_os_family", k ? k->family : family_like(c, like, name));
	return 0;
}
