/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of things: a holder locks first and writes its text then, so a reader that finds
 * the lock taken may meet no text for a moment; it looks again. A holder empties the file
 * before it unlocks; a holder that died leaves its text, which the next one overwrites and
 * which blocks nobody, because only the kernel's lock counts. Nobody removes the file.
 *
 * The text's first line is for people, the second holds the same as JSON. A node's helper takes
 * the same lock, the lease of a root, and writes and shows one line only.
 *
 * Who may not write to a store takes a lock of the user's own, and beside it the store's for
 * reading, so that nobody who changes the store does so meanwhile.
 *
 * The file may be written by everybody who reaches it, since another operator has to be able to
 * take the lock: what it says is shown to people only, with control characters taken out.
 */
#include "history/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "history/identity.h"
#include "value/json.h"

#define LOCK_TEXT_MAX 4096
#define LOCK_RETRY    0.1 /* seconds between two tries */

static int try_lock(int fd)
{
	int mode = fcntl(fd, F_GETFL) & O_ACCMODE;
	struct flock l = {.l_type = mode == O_RDONLY ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_SETLK, &l);
}

static bool is_held_error(int error)
{
	return error == EAGAIN || error == EACCES;
}

static char *clean_text(const struct value *v)
{
	char *text = xstrdup(value_text(v));

	for (char *p = text; p && *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return text;
}

static char *copy_text(const struct value *v, const char *key)
{
	return clean_text(value_dict_get(v, key));
}

/* A holder that is a node's helper has its line, and no more. */
static void take_line(const char *text, struct lock_holder *h)
{
	struct value line = {.kind = VALUE_STRING};
	autofree char *first = xstrndup(text, strcspn(text, "\n"));

	line.text = first;
	line.len = strlen(first);
	h->command = line.len ? clean_text(&line) : NULL;
}

/* Reads what the holder says of itself; what does not parse leaves everything unknown. */
static void read_holder(int fd, struct lock_holder *h)
{
	char text[LOCK_TEXT_MAX + 1];
	ssize_t n = fd_pread_full(fd, text, LOCK_TEXT_MAX, 0);
	AUTO(arena_release) struct arena arena = {0};
	const struct json_options options = {.unsafe = true};

	*h = (struct lock_holder){0};
	if (n <= 0)
		return;
	text[n] = '\0';
	const char *json = strchr(text, '\n');
	json = json ? json + 1 : text;
	const struct value *v =
		json_read(&arena, json, strlen(json), NULL, &options, NULL, NULL);
	if (!v || v->kind != VALUE_DICT) {
		take_line(text, h);
		return;
	}
	const struct value *pid = value_dict_get(v, "pid");
	h->user = copy_text(v, "user");
	h->host = copy_text(v, "host");
	h->since = copy_text(v, "since");
	h->command = copy_text(v, "command");
	h->pid = pid && pid->kind == VALUE_INT ? pid->integer : 0;
}

/* The holder writes its text right after locking: an empty file is worth a second look. */
static void read_holder_patiently(int fd, struct lock_holder *h)
{
	for (int tries = 0; tries < 5; tries++) {
		read_holder(fd, h);
		if (h->user || h->command)
			return;
		lock_holder_release(h);
		wait_until(deadline_in(0.02), NULL, NULL);
	}
}

static void add_member(struct strbuf *out, const char *key, const char *text)
{
	strbuf_addjson(out, key, strlen(key));
	strbuf_addstr(out, ": ");
	strbuf_addjson(out, text, strlen(text));
	strbuf_addstr(out, ", ");
}

static int write_holder(int fd, const char *path, const char *command, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	autofree char *user = identity_user();
	autofree char *host = identity_host();
	autofree char *short_command = xstrndup(command, strnlen(command, 2000));
	char since[32];

	clock_rfc3339(time(NULL), since);
	strbuf_addf(
		&text, "%s on %s since %s (process %ld): ", user, host, since, (long)getpid());
	strbuf_addstr(&text, short_command);
	for (char *p = text.data; *p; p++)
		if (*p == '\n')
			*p = ' ';
	strbuf_addstr(&text, "\n{");
	add_member(&text, "user", user);
	add_member(&text, "host", host);
	add_member(&text, "since", since);
	add_member(&text, "command", short_command);
	strbuf_addf(&text, "\"pid\": %ld}\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text.data, text.len, 0) != (ssize_t)text.len)
		return err_sys(err, "write %s", path);
	return 0;
}

static int held_by_other(int fd, const char *path, struct err *err)
{
	AUTO(lock_holder_release) struct lock_holder h = {0};

	read_holder_patiently(fd, &h);
	if (!h.user && h.command)
		return err_set(err, ERR_BUSY,
			"another run is under way: %s; try again when it is over (lock: %s)",
			h.command, path);
	if (!h.user)
		return err_set(err, ERR_BUSY,
			"another run holds %s and has not said who it is; try again when it is "
			"over",
			path);
	return err_set(err, ERR_BUSY,
		"another run is under way: %s on %s since %s (process %lld): %s; try again "
		"when it is over (lock: %s)",
		h.user, h.host ? h.host : "?", h.since ? h.since : "?", (long long)h.pid,
		h.command ? h.command : "?", path);
}

/* Makes the file usable for other operators, whatever our umask; only its owner can. */
static void open_to_others(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 0777) != 0666)
		(void)fchmod(fd, 0666);
}

static int open_lock_file(const char *path, struct err *err)
{
	autofree char *dir = path_dirname(path);

	if (path_mkdirs(dir, 0777, err) < 0)
		return -1;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		return err_sys(err, "open the lock %s", path);
	open_to_others(fd);
	return fd;
}

/* Locks fd, trying again until the deadline. */
static int lock_by_deadline(
	int fd, const char *path, deadline until, const struct cancel *cancel, struct err *err)
{
	while (try_lock(fd) < 0) {
		if (!is_held_error(errno))
			return err_sys(err, "lock %s", path);
		if (until == 0 || deadline_passed(until))
			return held_by_other(fd, path, err);
		if (wait_until(deadline_min(until, deadline_in(LOCK_RETRY)), cancel, err) < 0)
			return -1;
	}
	return 0;
}

int lock_acquire(struct lock *l, const char *path, const char *command, deadline until,
	const struct cancel *cancel, struct err *err)
{
	*l = (struct lock)LOCK_INIT;
	autofd int fd = open_lock_file(path, err);
	if (fd < 0)
		return -1;
	if (lock_by_deadline(fd, path, until, cancel, err) < 0)
		return -1;
	if (write_holder(fd, path, command, err) < 0)
		return -1;
	l->fd = fd;
	l->path = xstrdup(path);
	fd = -1;
	return 0;
}

/* Where the lock of a store lies that we cannot write to. */
static char *fallback_path(const char *root)
{
	autofree char *dir = path_user_dir("state");
	autofree char *real = realpath(root, NULL);
	autofree char *name = identity_path_name(real ? real : root);
	autofree char *locks = path_join(dir, "locks");

	return path_join(locks, name);
}

/* Keeps away whoever changes a store that we may only read; without a lock file, nobody does.
 */
static int lock_for_reading(const char *path, deadline until, const struct cancel *cancel,
	int *out, struct err *err)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return 0;
	if (lock_by_deadline(fd, path, until, cancel, err) < 0)
		return -1;
	*out = fd;
	fd = -1;
	return 0;
}

int lock_acquire_site(struct lock *l, const char *root, const char *command, deadline until,
	const struct cancel *cancel, struct err *err)
{
	autofree char *path = path_join(root, LOCK_FILE);
	struct err first;

	*l = (struct lock)LOCK_INIT;
	if (!path_is_dir(root))
		return err_set(err, ERR_NOTFOUND, "the store %s is not a directory", root);
	if (lock_acquire(l, path, command, until, cancel, &first) == 0)
		return 0;
	if (first.code == ERR_DENIED || (first.code == ERR_SYSTEM && first.sys == EROFS)) {
		autofree char *own = fallback_path(root);
		autofd int reading = -1;
		if (lock_for_reading(path, until, cancel, &reading, err) < 0 ||
			lock_acquire(l, own, command, until, cancel, err) < 0)
			return -1;
		l->reading_fd = reading;
		reading = -1;
		return 0;
	}
	if (err)
		*err = first;
	return -1;
}

void lock_release(struct lock *l)
{
	if (l->fd >= 0 && ftruncate(l->fd, 0) < 0) {
		/* The text stays; it blocks nobody. */
	}
	fd_close(&l->fd);
	fd_close(&l->reading_fd);
	free(l->path);
	l->path = NULL;
}

int lock_query(const char *path, struct lock_holder *holder, struct err *err)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	*holder = (struct lock_holder){0};
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(err, "open the lock %s", path);
	if (fcntl(fd, F_OFD_GETLK, &l) < 0)
		return err_sys(err, "ask for the lock %s", path);
	if (l.l_type == F_UNLCK)
		return 0;
	read_holder_patiently(fd, holder);
	return 1;
}

void lock_holder_release(struct lock_holder *h)
{
	free(h->user);
	free(h->host);
	free(h->since);
	free(h->command);
	*h = (struct lock_holder){0};
}
