/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about who asks, and when: user, environment, clock, load; and the keys by which sshd
 * is known.
 */
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/str.h"
#include "node/facts.h"
#include "node/users.h"

extern char **environ;

/* Field i of a line of /etc/passwd, or "". */
static const char *passwd_field(const struct facts *f, const char *line, unsigned i)
{
	for (; i > 0 && line; i--) {
		line = strchr(line, ':');
		line += line ? 1 : 0;
	}
	return line ? arena_strndup(f->arena, line, strcspn(line, ":\n")) : "";
}

/* The line of a user: from /etc/passwd, else as getent has it. */
static int passwd_line(struct facts *f, const char *name, const char **found, struct err *err)
{
	const char *const argv[] = {"getent", "passwd", name, NULL};
	const char *text = facts_text_or_empty(f, "/etc/passwd"), *line;

	while ((line = facts_next_line(f->arena, &text))) {
		if (strcmp(passwd_field(f, line, 0), name) == 0) {
			*found = line;
			return 0;
		}
	}
	return facts_run(f, argv, found, err);
}

int facts_user(struct facts *f, struct err *err)
{
	const char *line = NULL;
	struct user u;

	if (user_by_uid(getuid(), &u)) {
		const char *name = arena_strdup(f->arena, u.name);
		if (passwd_line(f, name, &line, err) < 0)
			return -1;
		facts_put(f, "ansible_user_id", name);
		facts_put(f, "ansible_user_dir", arena_strdup(f->arena, u.home));
		item_put_int(f->out, "ansible_user_gid", u.gid);
	}
	if (line) {
		facts_put(f, "ansible_user_gecos", passwd_field(f, line, 4));
		facts_put(f, "ansible_user_shell", passwd_field(f, line, 6));
	}
	item_put_int(f->out, "ansible_user_uid", getuid());
	item_put_int(f->out, "ansible_real_user_id", getuid());
	item_put_int(f->out, "ansible_real_group_id", getgid());
	item_put_int(f->out, "ansible_effective_user_id", geteuid());
	item_put_int(f->out, "ansible_effective_group_id", getegid());
	return 0;
}

int facts_env(struct facts *f, struct err *err)
{
	(void)err;
	item_open_dict(f->out, "ansible_env");
	for (char **entry = environ; *entry; entry++) {
		size_t n = strcspn(*entry, "=");
		if (!(*entry)[n] || n > UINT16_MAX)
			continue;
		facts_put(f, arena_strndup(f->arena, *entry, n), *entry + n + 1);
	}
	item_close(f->out);
	return 0;
}

int facts_date_time(struct facts *f, struct err *err)
{
	static const char *const keys[] = {"year", "month", "weekday", "weekday_number",
		"weeknumber", "day", "hour", "minute", "second", "date", "time", "tz",
		"tz_offset", "iso8601_basic_short"};
	struct item_writer *out = f->out;
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

int facts_loadavg(struct facts *f, struct err *err)
{
	static const char *const keys[] = {"1m", "5m", "15m"};
	struct sysinfo now;

	(void)err;
	if (*f->root || sysinfo(&now) < 0)
		return 0;
	item_open_dict(f->out, "ansible_loadavg");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		item_put_float(f->out, keys[i], (double)now.loads[i] / (1 << SI_LOAD_SHIFT));
	item_close(f->out);
	return 0;
}

/* One key; false where there is none. */
static bool tell_key(struct facts *f, const char *directory, const char *algorithm)
{
	const char *path =
		arena_printf(f->arena, "%s/ssh_host_%s_key.pub", directory, algorithm);
	const char *fact = arena_printf(f->arena, "ansible_ssh_host_key_%s_public", algorithm);
	const char *line = facts_line(f, path);
	const char *const *words = line ? facts_words(f->arena, line) : NULL;

	if (!words || !words[0] || !words[1])
		return false;
	facts_put(f, fact, words[1]);
	facts_put(f, arena_printf(f->arena, "%s_keytype", fact), words[0]);
	return true;
}

int facts_ssh_keys(struct facts *f, struct err *err)
{
	static const char *const directories[] = {"/etc/ssh", "/etc/openssh", "/etc"};
	static const char *const algorithms[] = {"dsa", "rsa", "ecdsa", "ed25519"};
	bool any = false;

	(void)err;
	for (size_t i = 0; i < ARRAY_SIZE(directories) && !any; i++)
		for (size_t k = 0; k < ARRAY_SIZE(algorithms); k++)
			any |= tell_key(f, directories[i], algorithms[k]);
	return 0;
}
