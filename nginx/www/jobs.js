/* The list of jobs, newest first, page by page; the unfinished ones are watched. */
import { ask } from "./api.js";
import { Card, titleOf } from "./card.js";
import { byId, say } from "./dom.js";
import { number } from "./format.js";
import { ended, label } from "./states.js";
import { watch } from "./watch.js";

const SHOWN = 20;
const list = byId("job-list"),
	filter = byId("filter"),
	older = byId("older"),
	none = byId("jobs-none"),
	fault = byId("fault-jobs");

const cards = new Map();
let next; /* of the last page shown */
let etag = null; /* of the first page */
let paged = false; /* more than the first page is shown */
let listing = 0; /* an answer to an earlier request is not shown */

const watcher = watch(
	(job) => cards.get(job._id)?.update(job),
	gone,
	(text) => say(byId("trouble"), text),
);

function gone(id) {
	cards.get(id)?.node.remove();
	cards.delete(id);
	changed();
}

function changed() {
	const unfinished = [...cards.values()].filter((card) => !ended(card.job.state)).length;

	say(byId("active"), unfinished === 0 ? "" : number(unfinished) + " unfinished");
	none.hidden = cards.size > 0;
	say(
		none,
		filter.value === ""
			? "No exports yet. Start one, and it appears here."
			: "None in this state.",
	);
}

const on = {
	created: (job, retryAfter) => created(job, retryAfter),
	changed: (card) => {
		if (ended(card.job.state)) watcher.remove(card.id);
		changed();
	},
	stateNews: (card) =>
		say(byId("news"), `${titleOf(card.job)}: ${label(card.job.state).toLowerCase()}.`),
};

function put(job, retryAfter) {
	let card = cards.get(job._id);

	if (card) {
		card.update(job);
	} else {
		card = new Card(job, on);
		cards.set(job._id, card);
	}
	if (!ended(card.job.state))
		watcher.add(job._id, retryAfter);
	return card;
}

async function load(after) {
	const query = new URLSearchParams({ limit: SHOWN });
	const mine = ++listing;

	if (filter.value !== "")
		query.set("state", filter.value);
	if (after)
		query.set("after", after);
	try {
		const got = await ask("GET", "/export?" + query, { etag: after ? null : etag });

		if (mine !== listing)
			return;
		say(fault, "");
		if (got.json)
			show(got, after);
	} catch (e) {
		if (mine === listing)
			say(fault, `The list could not be loaded: ${e.message} Press Refresh to try again.`);
	}
}

/* The first page replaces everything; cards of jobs on it stay as they are. */
function show(got, after) {
	const nodes = got.json.exports.map((job) => put(job).node);

	paged = Boolean(after);
	if (after) {
		list.append(...nodes);
	} else {
		etag = got.etag;
		for (const [id, card] of cards) {
			if (nodes.includes(card.node))
				continue;
			watcher.remove(id);
			cards.delete(id);
		}
		if (
			nodes.some((node, i) => list.children[i] !== node) ||
			list.children.length !== nodes.length
		)
			list.replaceChildren(...nodes);
	}
	next = got.json.next;
	older.hidden = !next;
	changed();
}

/* At the top, whatever the filter: it was just requested. */
export function created(job, retryAfter) {
	const card = put(job, retryAfter);

	etag = null;
	list.prepend(card.node);
	changed();
	say(byId("news"), `${titleOf(job)}: accepted.`);
	card.heading.focus();
}

export function start() {
	filter.addEventListener("change", () => { etag = null; load(); });
	byId("refresh").addEventListener("click", () => load());
	older.addEventListener("click", () => load(next));
	document.addEventListener("visibilitychange", () => document.hidden || paged || load());
	return load();
}
