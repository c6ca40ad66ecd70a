/* What can be requested, as far as this page has looked: it never loads the whole catalogue. */
import { ask } from "./api.js";

const SHOWN = 50;		/* of a search at once */
const LOOKED_AT = 50;		/* of the chosen ones, for their parameters and first and last hour */
const NAMES_AT_ONCE = 100;
const PREFIX_MAX_BYTES = 63;

/*
 * name -> {parameters: [name], first, last}; null: not in the catalogue; "known": in it, nothing
 * more is known
 */
const vehicles = new Map();
const meanings = new Map();	/* parameter -> {unit?, label?}, of the vehicles looked at */
let usual = "";			/* common prefix of the first names, which a search may leave out */

export const UNKNOWN = null;
export const found = (name) => vehicles.get(name);

/* Whether a database can have this name. */
export const possible = (name) =>
	/^[^/\\. "$\0]+$/.test(name) && new Blob([name]).size <= PREFIX_MAX_BYTES;

/* What is known of a parameter, "": nothing. */
export function meaningOf(parameter) {
	const { unit, label } = meanings.get(parameter) ?? {};

	return [label, unit && `[${unit}]`].filter(Boolean).join(" ");
}

function keep({ _id, parameters, first, last }) {
	for (const p of parameters)
		if (p.unit ?? p.label) meanings.set(p.name, p);
	vehicles.set(_id, {
		parameters: parameters.map((p) => p.name ?? p),
		first: Date.parse(first),
		last: Date.parse(last),
	});
}

async function page(prefix, after, signal) {
	const query = new URLSearchParams({ limit: SHOWN });

	if (prefix)
		query.set("prefix", prefix);
	if (after)
		query.set("after", after);
	const { json } = await ask("GET", "/vehicles?" + query, { signal });

	json.vehicles.forEach(keep);
	return { prefix, names: json.vehicles.map((v) => v._id), next: json.next };
}

/* The first names: the range and parameters suggested while no vehicle is chosen come from them. */
export async function begin() {
	const first = await page("", "");
	const [a, b] = [first.names[0] ?? "", first.names.at(-1) ?? ""];
	let n = 0;

	while (n < Math.min(a.length, b.length) && a[n] === b[n])
		n++;
	usual = /^.*[_-]/.exec(a.slice(0, n))?.[0] ?? "";
	return first;
}

/*
 * search(text, after, signal): {prefix, names, next}; if no name begins with text, those that have
 * it after the usual prefix.
 */
export async function search(text, after, signal) {
	const impossible = new Blob([text]).size > PREFIX_MAX_BYTES || /[\0-\x1f\x7f]/.test(text);
	const got = impossible ? { prefix: text, names: [] } : await page(text, after, signal);

	if (
		got.names.length > 0 ||
		after ||
		impossible ||
		!usual ||
		usual.startsWith(text) ||
		text.startsWith(usual) ||
		new Blob([usual + text]).size > PREFIX_MAX_BYTES
	)
		return got;
	const longer = await page(usual + text, "", signal);

	return longer.names.length > 0 ? longer : got;
}

/*
 * Find out which of these names exist, by dry runs of some day. Impossible names are not checked.
 */
export async function check(names) {
	const asked = names.filter((name) => possible(name) && !vehicles.has(name));

	for (let i = 0; i < asked.length; i += NAMES_AT_ONCE) {
		const some = asked.slice(i, i + NAMES_AT_ONCE);
		const body = JSON.stringify({
			startDate: "2000-01-01",
			endDate: "2000-01-02",
			vehicles: some,
		});
		const { json } = await ask("POST", "/export?dryRun=true", { body });

		for (const name of some)
			vehicles.set(name, json.unknownVehicles.includes(name) ? UNKNOWN : "known");
	}
	for (const name of names.filter((n) => vehicles.get(n) === "known").slice(0, LOOKED_AT))
		keep((await ask("GET", "/vehicles/" + encodeURIComponent(name))).json);
}

/* The chosen vehicles of which something is known; if there are none, all that were seen. */
const seen = (names) => {
	const of = (all) => all.filter((v) => v && v !== "known");
	const chosen = of(names.map(found));

	return chosen.length > 0 ? chosen : of([...vehicles.values()]);
};

/* The columns of all of them, in their order. */
export const parametersOf = (names) => [...new Set(seen(names).flatMap((v) => v.parameters))];

/* {first, last}: from the first to the last hour with data; null where none is known. */
export function extentOf(names) {
	const hours = seen(names).filter((v) => !Number.isNaN(v.last));

	return hours.length === 0
		? null
		: {
				first: Math.min(...hours.map((v) => v.first)),
				last: Math.max(...hours.map((v) => v.last)),
			};
}
