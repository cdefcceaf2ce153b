/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/site.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"

#define SECRET_MAX 4096

static int read_secret_line(int tty, struct strbuf *out, struct err *err)
{
	char c;

	for (;;) {
		ssize_t n = read(tty, &c, 1);
		if (n < 0)
			return err_sys(err, "cannot read from the terminal");
		if (n == 0 || c == '\n')
			return 0;
		if (out->len >= SECRET_MAX)
			return err_set(err, ERR_LIMIT, "more than %d bytes typed", SECRET_MAX);
		strbuf_addch(out, c);
	}
}

int site_prompt(void *unused, const char *question, struct strbuf *out, struct err *err)
{
	struct termios shown, hidden;
	autofd int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	(void)unused;
	if (tty < 0 || tcgetattr(tty, &shown) < 0)
		return err_set(
			err, ERR_INPUT, "%s cannot be asked: there is no terminal", question);
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(tty, TCSAFLUSH, &hidden);
	fd_write_all(tty, question, strlen(question));
	fd_write_all(tty, ": ", 2);
	int result = read_secret_line(tty, out, err);
	fd_write_all(tty, "\n", 1);
	tcsetattr(tty, TCSAFLUSH, &shown);
	return result;
}

int site_read(struct site *s, const struct site_options *o, struct diags *d, struct err *err)
{
	struct secrets_options secrets = {
		.config = &s->config,
		.vault_ids = &o->vault_ids,
		.password_files = &o->vault_files,
		.ask = o->ask_vault,
		.prompt = site_prompt,
	};
	struct inventory_options inventory = {
		.config = &s->config,
		.secrets = &s->secrets,
		.playbook_dir = o->playbook_dir,
		.strict = o->strict,
	};
	struct vars_site_options vars = {
		.config = &s->config,
		.secrets = &s->secrets,
		.extra = &o->extra,
		.limit = o->limit,
		.forks = o->forks,
		.check = o->check,
		.diff = o->diff,
		.verbosity = o->verbosity,
	};

	*s = (struct site){0};
	if (config_load(&s->config, &s->arena, d, err) < 0 ||
		secrets_load(&s->secrets, &secrets, d, err) < 0 ||
		inventory_load(&s->inventory, &o->inventory, &inventory, &s->arena, d, err) < 0)
		return -1;
	s->vars = vars_site_new(&s->inventory, &vars, d, err);
	if (!s->vars)
		return -1;
	return pattern_select(&s->inventory, &s->config, "all", o->limit, &s->hosts, d, err);
}

int site_load(struct site *s, const struct site_options *o)
{
	AUTO(diags_release) struct diags d = {0};
	struct err err = {0};

	int result = site_read(s, o, &d, &err);
	cli_print_diags(&d);
	if (result < 0)
		return cli_error(&err);
	return d.errors ? EXIT_CANNOT_RUN : EXIT_OK;
}

bool site_default_playbook_dir(struct site_options *o, struct arena *arena)
{
	AUTO(diags_release) struct diags ignored = {0};
	struct config config;

	/* What is wrong with the file is reported by site_load, which reads it again. */
	if (!o->playbook_dir && config_load(&config, arena, &ignored, NULL) == 0)
		o->playbook_dir = config_text(&config, CONFIG_PLAYBOOK_DIR);
	if (o->playbook_dir)
		return true;
	o->playbook_dir = ".";
	return false;
}

void site_release(struct site *s)
{
	free(s->hosts.items);
	vars_site_free(s->vars);
	inventory_release(&s->inventory);
	secrets_release(&s->secrets);
	arena_release(&s->arena);
}

void site_options_release(struct site_options *o)
{
	strlist_release(&o->inventory);
	strlist_release(&o->extra);
	strlist_release(&o->vault_ids);
	strlist_release(&o->vault_files);
}
