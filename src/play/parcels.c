/* SPDX-License-Identifier: Apache-2.0 */
#include "play/run_state.h"

#include "base/vec.h"

struct parcel {
	const char *to;
	enum vars_level level;
	const char *name;
	const struct value *value;
};

void parcel_send(struct runner *from, const char *to, enum vars_level level, const char *name,
	const struct value *v)
{
	struct run_shared *s = from->run->shared;

	pthread_mutex_lock(&s->lock);
	const struct parcel p = {.to = arena_strdup(&s->arena, to),
		.level = level,
		.name = arena_strdup(&s->arena, name),
		.value = value_copy(&s->arena, v)};
	*VEC_PUSH(&s->parcels) = p;
	pthread_mutex_unlock(&s->lock);
}

void parcels_take(struct runner *r)
{
	struct run_shared *s = r->run->shared;

	if (__atomic_load_n(&s->parcels.count, __ATOMIC_ACQUIRE) == r->parcels)
		return;
	pthread_mutex_lock(&s->lock);
	pthread_mutex_lock(&r->vars_lock);
	for (; r->parcels < s->parcels.count; r->parcels++) {
		const struct parcel *p = &s->parcels.items[r->parcels];
		if (strcmp(p->to, r->host->name) == 0)
			vars_view_set(r->host->view, p->level, p->name, p->value);
	}
	pthread_mutex_unlock(&r->vars_lock);
	pthread_mutex_unlock(&s->lock);
}

void parcels_show(struct run_shared *s, const char *host, const struct runner *other,
	enum vars_level level, struct arena *arena, struct value *into)
{
	if (__atomic_load_n(&s->parcels.count, __ATOMIC_ACQUIRE) == 0)
		return;
	pthread_mutex_lock(&s->lock);
	for (size_t i = other ? other->parcels : 0; i < s->parcels.count; i++) {
		const struct parcel *p = &s->parcels.items[i];
		if (p->level == level && strcmp(p->to, host) == 0)
			value_dict_set(arena, into, p->name, p->value);
	}
	pthread_mutex_unlock(&s->lock);
}
