/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"

#define NS_PER_SECOND 1000000000
#define WAIT_FDS_MAX  14

int64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * NS_PER_SECOND + ts.tv_nsec;
}

deadline deadline_in(double seconds)
{
	if (!(seconds >= 0 && seconds <= 9e9)) /* so written, it holds for NaN, too */
		return DEADLINE_NEVER;
	return clock_ns() + (int64_t)(seconds * NS_PER_SECOND);
}

deadline deadline_min(deadline a, deadline b)
{
	return a < b ? a : b;
}

bool deadline_passed(deadline d)
{
	return d != DEADLINE_NEVER && clock_ns() >= d;
}

int deadline_poll_ms(deadline d)
{
	if (d == DEADLINE_NEVER)
		return -1;
	int64_t left = d - clock_ns();
	if (left <= 0)
		return 0;
	left = (left + 999999) / 1000000;
	return left > 1000000000 ? 1000000000 : (int)left;
}

void clock_rfc3339(time_t t, char out[32])
{
	struct tm tm;

	out[0] = '\0';
	if (gmtime_r(&t, &tm))
		strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static int days_of_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Reads exactly n digits; -1 if there are not that many. */
static int read_digits(const char *s, int n)
{
	int number = 0;

	for (int i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		number = number * 10 + (s[i] - '0');
	}
	return number;
}

static bool read_date(const char *s, struct tm *tm)
{
	int year = read_digits(s, 4);

	if (year < 1 || s[4] != '-')
		return false;
	int month = read_digits(s + 5, 2);
	if (month < 1 || month > 12 || s[7] != '-')
		return false;
	int day = read_digits(s + 8, 2);
	if (day < 1 || day > days_of_month(year, month))
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return true;
}

bool clock_is_date(const char *s)
{
	struct tm tm = {0};

	return strlen(s) == 10 && read_date(s, &tm);
}

/* Reads "Z" or "+hh:mm"; the offset is in seconds east of UTC. */
static bool read_offset(const char *s, int *offset)
{
	*offset = 0;
	if (strcmp(s, "Z") == 0 || strcmp(s, "z") == 0)
		return true;
	if ((*s != '+' && *s != '-') || strlen(s) != 6 || s[3] != ':')
		return false;
	int hours = read_digits(s + 1, 2), minutes = read_digits(s + 4, 2);
	if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
		return false;
	*offset = (hours * 60 + minutes) * 60 * (*s == '-' ? -1 : 1);
	return true;
}

bool clock_parse_rfc3339(const char *s, time_t *out)
{
	struct tm tm = {0};
	int offset;

	if (strlen(s) < 20 || !read_date(s, &tm) || (s[10] != 'T' && s[10] != 't'))
		return false;
	tm.tm_hour = read_digits(s + 11, 2);
	tm.tm_min = read_digits(s + 14, 2);
	tm.tm_sec = read_digits(s + 17, 2);
	if (tm.tm_hour < 0 || tm.tm_hour > 23 || s[13] != ':' || tm.tm_min < 0 ||
		tm.tm_min > 59 || s[16] != ':' || tm.tm_sec < 0 || tm.tm_sec > 60)
		return false;
	s += 19;
	if (*s == '.') {
		size_t digits = strspn(s + 1, "0123456789");
		if (digits == 0)
			return false;
		s += 1 + digits;
	}
	if (!read_offset(s, &offset))
		return false;
	*out = timegm(&tm) - offset;
	return true;
}

int cancel_init(struct cancel *c, struct err *err)
{
	*c = (struct cancel){.fd = -1, .write_fd = -1};
	c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->fd < 0)
		return err_sys(err, "cannot make an event descriptor");
	return 0;
}

void cancel_request(struct cancel *c)
{
	int saved = errno;
	uint64_t one = 1;

	if (__atomic_add_fetch(&c->requested, 1, __ATOMIC_SEQ_CST) > 2)
		__atomic_store_n(&c->requested, 2, __ATOMIC_SEQ_CST);
	ssize_t ignored = write(c->fd, &one, sizeof(one));
	(void)ignored;
	errno = saved;
}

int cancel_level(const struct cancel *c)
{
	return c ? __atomic_load_n(&c->requested, __ATOMIC_SEQ_CST) : 0;
}

void cancel_release(struct cancel *c)
{
	fd_close(&c->fd);
	fd_close(&c->write_fd);
}

/* One poll(2) with the token's descriptor as an extra entry. */
static int poll_once(struct pollfd *fds, unsigned count, deadline d, const struct cancel *c)
{
	struct pollfd all[WAIT_FDS_MAX + 1];

	if (!c)
		return poll(fds, count, deadline_poll_ms(d));
	for (unsigned i = 0; i < count; i++)
		all[i] = fds[i];
	all[count] = (struct pollfd){.fd = c->fd, .events = POLLIN};
	int n = poll(all, count + 1, deadline_poll_ms(d));
	if (n > 0 && all[count].revents)
		n--;
	for (unsigned i = 0; i < count; i++)
		fds[i].revents = n > 0 ? all[i].revents : 0;
	return n;
}

/* When a wait has to be interrupted for a pulse, at the latest. */
static deadline pulse(const struct cancel *c)
{
	if (!c || !c->pulse)
		return DEADLINE_NEVER;
	c->pulse();
	return deadline_in(c->pulse_every);
}

int wait_fds(
	struct pollfd *fds, unsigned count, deadline d, const struct cancel *c, struct err *err)
{
	if (count > WAIT_FDS_MAX)
		return err_set(err, ERR_LIMIT, "cannot wait for %u descriptors", count);
	for (;;) {
		if (cancel_level(c))
			return err_set(err, ERR_CANCELLED, "interrupted");
		int n = poll_once(fds, count, deadline_min(d, pulse(c)), c);
		if (n > 0)
			return n;
		if (n < 0 && errno != EINTR)
			return err_sys(err, "poll");
		if (deadline_passed(d))
			return err_set(err, ERR_TIMEOUT, "timed out");
	}
}

int wait_until(deadline d, const struct cancel *c, struct err *err)
{
	struct err local = {0};

	wait_fds(NULL, 0, d, c, &local);
	if (local.code == ERR_TIMEOUT)
		return 0;
	return err_set(err, local.code, "%s", local.text);
}
