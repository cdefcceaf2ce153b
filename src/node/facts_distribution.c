/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The distribution, from /etc/os-release (os-release(5)), by the names that Ansible has for
 * distributions and their families. It reads many other files besides; where distributions of
 * today have os-release, the answers are the same.
 */
#include "base/str.h"
#include "node/facts.h"

struct known {
	const char *id; /* ID of os-release */
	const char *name, *family;
	const char *file;         /* that Ansible knows it by; NULL: os-release */
	const char *variety;      /* of that file; NULL: the family */
	const char *version_file; /* which has more of the version; NULL: VERSION_ID */
};

static const struct known distributions[] = {
	{"debian", "Debian", "Debian", NULL, NULL, "/etc/debian_version"},
	{"raspbian", "Debian", "Debian", NULL, NULL, NULL},
	{"ubuntu", "Ubuntu", "Debian", NULL, NULL, NULL},
	{"linuxmint", "Linux Mint", "Debian", NULL, NULL, NULL},
	{"kali", "Kali", "Debian", NULL, NULL, NULL},
	{"devuan", "Devuan", "Debian", NULL, NULL, NULL},
	{"pop", "Pop!_OS", "Debian", NULL, "NA", NULL},
	{"deepin", "Deepin", "Debian", NULL, NULL, NULL},
	{"fedora", "Fedora", "RedHat", "/etc/redhat-release", NULL, NULL},
	{"centos", "CentOS", "RedHat", "/etc/centos-release", "CentOS", NULL},
	{"rhel", "RedHat", "RedHat", "/etc/redhat-release", NULL, NULL},
	{"rocky", "Rocky", "RedHat", "/etc/redhat-release", NULL, NULL},
	{"almalinux", "AlmaLinux", "RedHat", "/etc/redhat-release", NULL, NULL},
	{"ol", "OracleLinux", "RedHat", "/etc/oracle-release", "OracleLinux", NULL},
	{"amzn", "Amazon", "RedHat", NULL, "Amazon", NULL},
	{"opensuse-leap", "openSUSE Leap", "Suse", NULL, "SUSE", NULL},
	{"opensuse-tumbleweed", "openSUSE Tumbleweed", "Suse", NULL, "SUSE", NULL},
	{"sles", "SLES", "Suse", NULL, "SUSE", NULL},
	{"arch", "Archlinux", "Archlinux", "/etc/arch-release", NULL, NULL},
	{"manjaro", "Manjaro", "Archlinux", NULL, "NA", NULL},
	{"gentoo", "Gentoo", "Gentoo", "/etc/gentoo-release", NULL, NULL},
	{"alpine", "Alpine", "Alpine", "/etc/alpine-release", NULL, "/etc/alpine-release"},
	{"openwrt", "OpenWrt", "OpenWrt", "/etc/openwrt_release", NULL, NULL},
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
static const char *release_value(const struct facts *f, const char *text, const char *name)
{
	const char *line;

	while ((line = facts_next_line(f->arena, &text))) {
		const char *value = facts_value(line, name, '=');
		size_t n = value ? strlen(value) : 0;
		if (n >= 2 && (*value == '"' || *value == '\'') && value[n - 1] == *value)
			return arena_strndup(f->arena, value + 1, n - 2);
		if (value)
			return value;
	}
	return "";
}

/* The family of one that we do not know, by those that it says it is like. */
static const char *family_like(const struct facts *f, const char *like, const char *otherwise)
{
	for (const char *const *word = facts_words(f->arena, like); *word; word++) {
		const struct known *k = find_known(*word);
		if (k)
			return k->family;
	}
	return otherwise;
}

/* "12.11" in a file, where os-release has "12" only. */
static const char *full_version(
	const struct facts *f, const struct known *k, const char *version)
{
	const char *line = k && k->version_file ? facts_line(f, k->version_file) : NULL;

	/* Testing has words there, not a number. */
	return line && *line >= '0' && *line <= '9' ? line : version;
}

/* The name of a release: CentOS Stream has none but that. */
static const char *release_name(const struct facts *f, const char *text)
{
	const char *name = release_value(f, text, "VERSION_CODENAME");
	const char *pretty = release_value(f, text, "PRETTY_NAME");
	const char *open = strrchr(pretty, '(');

	if (str_starts(pretty, "CentOS Stream"))
		return "Stream";
	if (!*name)
		name = release_value(f, text, "UBUNTU_CODENAME");
	if (!*name && open && str_ends(pretty, ")"))
		return arena_strndup(f->arena, open + 1, strlen(open) - 2);
	return *name ? name : "NA";
}

/* Which file told it: Ansible has a list of them, each with a way to read it. */
static void tell_file(struct facts *f, const struct known *k)
{
	const char *file = k && k->file ? k->file : "/etc/os-release";
	const char *variety = k ? k->family : "NA";

	if (k && k->variety)
		variety = k->variety;
	if (k && k->file && !facts_exists(f, k->file))
		return;
	facts_put(f, "ansible_distribution_file_path", file);
	facts_put(f, "ansible_distribution_file_variety", variety);
	if (strcmp(variety, "Archlinux") != 0)
		item_put_bool(f->out, "ansible_distribution_file_parsed", true);
}

/* The part behind the first dot of Debian's, and whatever Amazon's has behind it. */
static void tell_minor(struct facts *f, const char *version)
{
	const char *dot = strchr(version, '.');
	bool amazon = strcmp(f->distribution, "Amazon") == 0;

	if (strcmp(f->distribution, "Debian") == 0 && !dot) {
		version = facts_text_or_empty(f, "/etc/debian_version");
		dot = strchr(version, '.');
	}
	if (dot && (amazon || strcmp(f->distribution, "Debian") == 0))
		item_put_stringn(f->out, "ansible_distribution_minor_version", dot + 1,
			strspn(dot + 1, "0123456789"));
	else if (amazon)
		facts_put(f, "ansible_distribution_minor_version", "NA");
}

int facts_distribution(struct facts *f, struct err *err)
{
	const char *text = facts_text(f, "/etc/os-release");

	(void)err;
	if (!text)
		text = facts_text(f, "/usr/lib/os-release");
	if (!text)
		return 0;
	const struct known *k = find_known(release_value(f, text, "ID"));
	const char *like = release_value(f, text, "ID_LIKE");
	const char *version = full_version(f, k, release_value(f, text, "VERSION_ID"));
	const char *major = arena_strndup(f->arena, version, strcspn(version, "."));

	f->distribution = k ? k->name : release_value(f, text, "NAME");
	f->family = k ? k->family : family_like(f, like, f->distribution);
	f->major_version = *major ? major : "NA";
	facts_put(f, "ansible_distribution", f->distribution);
	facts_put(f, "ansible_distribution_version", *version ? version : "NA");
	facts_put(f, "ansible_distribution_major_version", f->major_version);
	facts_put(f, "ansible_distribution_release", release_name(f, text));
	facts_put(f, "ansible_os_family", f->family);
	tell_minor(f, version);
	tell_file(f, k);
	return 0;
}
