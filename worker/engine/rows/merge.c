/*
 * The exact path's merge of columns into rows. Knows nothing of values: a point
 * is a time here.
 */
#include "worker/engine/rows/merge.h"

#include "worker/engine/decode/points.h"

/*
 * Find the smallest head, then take it from each column that has it. A row has
 * a cell for each column anyway, so a linear minimum beats a heap.
 */
int
merge_next(struct merge *m, int64_t *t_ms)
{
	int64_t t = INT64_MAX;
	size_t i;

	for (i = 0; i < m->n; i++)
		if (m->series[i].n > 0 && m->series[i].v->t_ms < t)
			t = m->series[i].v->t_ms;
	if (t == INT64_MAX)
		return 1;
	for (i = 0; i < m->n; i++) {
		struct series *s = &m->series[i];

		m->cells[i] = NULL;
		if (s->n > 0 && s->v->t_ms == t) {
			m->cells[i] = s->v++;
			s->n--;
		}
	}
	*t_ms = t;
	return 0;
}
