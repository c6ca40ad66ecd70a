/*
 * Polls unfinished jobs until they end: one request at a time, never before its Retry-After, none
 * while the tab is hidden, fewer and fewer while the service is in trouble.
 */
import { ask } from "./api.js";
import { ended } from "./states.js";

const PAUSE_S = 1;		/* when the service names none */
const GAP_MS = 100;		/* between any two requests */
const WAIT_MAX_S = 60;

/*
 * watch(show, gone, trouble): show(job), gone(id) as answers come; trouble(text), "" when it is
 * over.
 */
export function watch(show, gone, trouble) {
	const jobs = new Map();		/* id -> {due, etag} */
	let timer = null, busy = false, failures = 0, notBefore = 0;

	const plan = () => {
		clearTimeout(timer);
		if (busy || document.hidden || jobs.size === 0)
			return;
		const due = Math.max(notBefore, Math.min(...[...jobs.values()].map((job) => job.due)));

		timer = setTimeout(turn, Math.max(0, due - performance.now()));
	};

	async function turn() {
		/* The one that has waited longest; plan() has waited until it is due. */
		const [id, job] = [...jobs].reduce((a, b) => b[1].due < a[1].due ? b : a);

		busy = true;
		notBefore = performance.now() + GAP_MS;
		try {
			const got = await ask("GET", "/export/" + id, { etag: job.etag });

			failures = 0;
			trouble("");
			job.etag = got.etag;
			job.due = performance.now() + 1000 * (got.retryAfter ?? PAUSE_S);
			if (got.json && ended(got.json.state))
				jobs.delete(id);
			if (got.json)
				show(got.json);
		} catch (e) {
			failed(e, id);
		}
		busy = false;
		plan();
	}

	function failed(e, id) {
		if (e.status === 404) {
			jobs.delete(id);
			gone(id);
			return;
		}
		const wait = Math.max(e.retryAfter ?? 0, Math.min(WAIT_MAX_S, 2 ** ++failures));

		notBefore = performance.now() + 1000 * wait;
		trouble(`${e.message ?? e} Trying again in ${wait} s; exports continue meanwhile.`);
	}

	document.addEventListener("visibilitychange", plan);
	return {
		/* retryAfter: of the answer that brought the job, if that was just now */
		add(id, retryAfter) {
			if (!jobs.has(id))
				jobs.set(id, { due: performance.now() + 1000 * (retryAfter ?? 0), etag: null });
			plan();
		},
		remove(id) {
			jobs.delete(id);
			plan();
		},
	};
}
