/* SPDX-License-Identifier: Apache-2.0 */
/* Asking one host what it has. Nothing is changed there. */
#include "base/vec.h"
#include "cli/status.h"
#include "fleet/fleet.h"
#include "play/items.h"
#include "play/line.h"

#define ROOT         0 /* the number that sync_host gives the models' directory */
#define ANSWER_MAX   ((size_t)4 << 20)
#define SECONDS      60
#define VAR_SERVICES "model_services"
#define VAR_BECOME   "model_become"

struct asker {
	struct status_host *host;
	struct line line;
	uint16_t ctx; /* of the user who owns the models */
	deadline until;
	const struct cancel *cancel;
};

/* Sends a request and joins its answer. */
static int ask(struct asker *a, uint8_t kind, uint16_t ctx, const void *data, size_t n,
	struct strbuf *answer, struct err *err)
{
	struct frame request = {.kind = kind, .ctx = ctx, .data = data, .len = n};
	struct frame f = {0};
	uint32_t id = link_send(a->line.link, &request, err);

	if (!id)
		return -1;
	do {
		if (link_next_of(a->line.link, id, &f, a->until, err) < 0)
			return -1;
		if (f.kind == WIRE_EVENT)
			continue;
		if (f.len > ANSWER_MAX - answer->len)
			return err_set(
				err, ERR_LIMIT, "an answer of more than %zu bytes", ANSWER_MAX);
		strbuf_add(answer, f.data, f.len);
	} while (f.kind == WIRE_EVENT || f.flags & FRAME_MORE);
	return 0;
}

/* ---- models ---- */

static int compare_models(struct asker *a, struct err *err)
{
	struct status_host *h = a->host;
	const struct sync_options o = {
		.ctx = a->ctx,
		.holder = "",
		.check = true,
		.look = true,
		.stall = h->status->engine.stall,
		.until = a->until,
		.cancel = a->cancel,
	};

	if (h->models->count == 0)
		return 0;
	return sync_host(a->line.link, h->status->content, h->models, &o, &h->report, err);
}

static int list_versions(struct asker *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf answer = STRBUF_INIT;
	struct wire_list_item item;
	struct msg_reader reader;
	uint8_t root = ROOT;
	struct err why = {0};
	int more;

	if (a->host->models->count == 0)
		return 0;
	/* A node that never had a model has no directory for them, so the root is not open. */
	if (ask(a, WIRE_LIST, a->ctx, &root, sizeof(root), &answer, &why) < 0)
		return why.code == ERR_UNREACHABLE || why.code == ERR_CANCELLED
			       ? err_set(err, why.code, "%s", why.text)
			       : 0;
	msg_read(&reader, answer.data, answer.len);
	while ((more = wire_get_list_item(&reader, &item, err)) == 1) {
		if (item.kind != WIRE_LISTED_STAGING)
			strlist_add(&a->host->there, item.version);
	}
	strlist_sort(&a->host->there);
	return more;
}

/* ---- services ---- */

static const char *text_or(const struct value *dict, const char *key, const char *otherwise)
{
	const struct value *v = value_dict_get(dict, key);

	return v && value_is_string(v) ? v->text : otherwise;
}

/* The arguments of the node's module `service` that change nothing. */
static struct value *service_arguments(struct arena *a, const struct value *service)
{
	struct value *args = value_new_dict(a);
	struct value *units = value_new_list(a);
	const struct value *commands = value_dict_get(service, "commands");

	value_list_add(a, units, value_dict_get(service, "name"));
	value_dict_set(a, args, "manager",
		value_new_string(a, text_or(service, "manager", "systemd")));
	value_dict_set(a, args, "units", units);
	value_dict_set(a, args, "state", value_new_string(a, ""));
	if (commands && commands->kind == VALUE_DICT)
		value_dict_set(a, args, "commands", commands);
	return args;
}

static void take_service(struct asker *a, struct status_service *s, const struct strbuf *answer)
{
	struct status_host *h = a->host;
	struct err ignored = {0};
	const struct item *result = item_parse(&h->arena, answer->data, answer->len, &ignored);
	const struct item *units = item_get(result, "units");

	if (!units || units->type != ITEM_LIST || units->count == 0)
		return;
	const char *active = item_text(&h->arena, &units->items[0], "active");
	const char *sub = item_text(&h->arena, &units->items[0], "sub");
	s->active = active ? active : "";
	s->sub = sub ? sub : "";
	s->healthy = strcmp(s->active, "active") == 0;
}

static int ask_service(struct asker *a, const struct value *service, struct err *err)
{
	AUTO(strbuf_release) struct strbuf args = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf answer = STRBUF_INIT;
	struct status_host *h = a->host;
	const char *name = text_or(service, "name", NULL);
	struct line_call call = {
		.module = "service", .args = &args, .timeout = SECONDS, .until = a->until};

	if (!name)
		return err_set(err, ERR_INPUT,
			VAR_SERVICES
			": found %s, expected a mapping with the name of a service",
			value_kind_name(service));
	if (items_write(service_arguments(&h->arena, service), &args, err) < 0)
		return -1;
	struct status_service *s = VEC_PUSH(&h->services);
	*s = (struct status_service){.name = name, .active = "", .sub = ""};
	if (line_module(&a->line, &call, &answer, err) < 0)
		return -1;
	take_service(a, s, &answer);
	return 0;
}

static int ask_services(struct asker *a, struct err *err)
{
	struct err why = {0};
	const struct value *list = vars_get(a->host->view, VAR_SERVICES, &why);

	if (!list)
		return why.code == ERR_NOTFOUND ? 0 : err_set(err, why.code, "%s", why.text);
	if (list->kind != VALUE_LIST)
		return err_set(err, ERR_INPUT,
			VAR_SERVICES ": found %s, expected a list of services",
			value_kind_name(list));
	value_list_foreach (service, list) {
		if (ask_service(a, service, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- transactions ---- */

static void take_transaction(struct status_host *h, const struct item *item)
{
	*VEC_PUSH(&h->transactions) = (struct status_transaction){
		.id = item_text(&h->arena, item, "id"),
		.state = item_text(&h->arena, item, "state"),
		.title = item_text(&h->arena, item, "title"),
		.outcome = item_text(&h->arena, item, "outcome"),
		.created = item_int(item, "created", 0),
	};
}

static int list_transactions(struct asker *a, uint16_t ctx, struct err *err)
{
	AUTO(strbuf_release) struct strbuf answer = STRBUF_INIT;
	struct status_host *h = a->host;

	if (ask(a, WIRE_TRANSACTION_LIST, ctx, NULL, 0, &answer, err) < 0)
		return -1;
	/* The items point into what was parsed; their texts are copied by item_text. */
	const struct item *all = item_parse(&h->arena, answer.data, answer.len, err);
	const struct item *list = item_get(all, "transactions");
	if (!all)
		return -1;
	for (size_t i = 0; list && list->type == ITEM_LIST && i < list->count; i++)
		take_transaction(h, &list->items[i]);
	return 0;
}

/* Those of the user who logs in, and of the one who restarts services. */
static int ask_transactions(struct asker *a, struct err *err)
{
	struct status_host *h = a->host;
	const struct value *become = vars_get(h->view, VAR_BECOME, NULL);
	struct err why = {0};
	uint16_t ctx;

	if (list_transactions(a, 0, err) < 0)
		return -1;
	if (become && !value_truthy(become))
		return 0;
	/* Who may not become that user still sees all the rest. */
	if (line_user(&a->line, h->connection.become_user, NULL, a->until, &ctx, &why) < 0)
		return why.code == ERR_UNREACHABLE ? err_set(err, why.code, "%s", why.text) : 0;
	return ctx == 0 ? 0 : list_transactions(a, ctx, err);
}

/* ---- all of it ---- */

static int ask_all(struct asker *a, struct fleet_worker *w, struct err *err)
{
	struct status_host *h = a->host;
	const char *user = h->connection.become ? h->connection.become_user : NULL;
	deadline connected =
		deadline_min(a->until, deadline_in(h->status->engine.connect_timeout));

	if (line_open(&a->line, connected, a->cancel, err) < 0 ||
		line_user(&a->line, user, NULL, connected, &a->ctx, err) < 0)
		return -1;
	fleet_reached(w);
	h->reached = true;
	if (compare_models(a, err) < 0 || list_versions(a, err) < 0)
		return -1;
	if (ask_services(a, &h->services_err) < 0 && h->services_err.code == ERR_UNREACHABLE)
		return err_set(err, ERR_UNREACHABLE, "%s", h->services_err.text);
	return ask_transactions(a, err);
}

int status_ask(struct fleet_worker *w, void *host, struct err *err)
{
	struct status_host *h = host;
	struct asker a = {.host = h, .until = fleet_deadline(w), .cancel = fleet_cancel(w)};

	line_init(&a.line, &h->connection, h->status->engine.stall);
	int result = ask_all(&a, w, &h->err);
	line_release(&a.line);
	return result < 0 ? err_set(err, h->err.code, "%s", h->err.text) : 0;
}
