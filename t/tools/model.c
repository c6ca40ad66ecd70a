#include "t/tools/model.h"

#include <stddef.h>

static bool
holds(unsigned guard, const struct transition_args *args, int64_t now_ms,
    const struct model *m)
{
	const bool due = m->due_ms <= now_ms;

	return !((guard & G_MINE && m->fence != args->fence) ||
	    (guard & G_DUE && !due) ||
	    (guard & G_HELD && !m->held) ||
	    (guard & G_UNHELD && m->held) ||
	    (guard & G_DUE_OR_UNHELD && !due && m->held) ||
	    (guard & G_LEFT && m->attempts >= args->max_attempts) ||
	    (guard & G_SPENT && m->attempts < args->max_attempts) ||
	    (guard & G_LAPSED && m->expires_ms > now_ms) ||
	    (guard & G_CANCEL && !m->cancel) ||
	    (guard & G_NO_CANCEL && m->cancel));
}

bool
model_make(enum transition_id t, const struct transition_args *args,
    int64_t now_ms, struct model *m)
{
	const unsigned effect = transitions[t].effect;

	if ((transitions[t].from & 1u << m->state) == 0 ||
	    !holds(transitions[t].guard, args, now_ms, m))
		return false;
	if (transitions[t].to >= 0)
		m->state = (enum job_state)transitions[t].to;
	if (effect & E_CLAIM) {
		m->fence++;
		m->attempts++;
		m->held = m->started = true;
	}
	if (effect & E_UNCHARGE)
		m->attempts--;
	if (effect & E_LEASE)
		m->due_ms = now_ms + args->lease_ms;
	if (effect & E_DELAY)
		m->due_ms = now_ms + args->delay_ms;
	if (effect & E_UNHOLD)
		m->held = false;
	if (effect & E_ENDED)
		m->finished = true;
	if (effect & E_CANCEL)
		m->cancel = true;
	if (effect & E_ERROR)
		m->error = true;
	if (effect & E_OBJECT) {
		m->object = args->object->size;
		m->expires_ms = now_ms + args->retention_ms;
		m->preview |= args->preview != NULL;
		m->error = false;
	}
	if (effect & E_PROGRESS)
		m->documents = args->progress->documents;
	if (effect & E_FORGET)
		m->preview = false;
	return true;
}
