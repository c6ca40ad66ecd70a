/* Which vehicles: a search with boxes to tick, a list to paste, and what was chosen as chips. */
import { byId, el, later, say } from "./dom.js";
import { many, number, some } from "./format.js";
import * as catalogue from "./catalogue.js";

const CHIPS_SHOWN = 60;
const box = byId("vehicle-search"),
	list = byId("vehicle-list"),
	more = byId("vehicle-more"),
	add = byId("vehicle-add");
const chips = byId("chips"),
	unknown = byId("unknown");

let changed; /* called after each change, and when more is known about the chosen ones */
let chosen = new Set();
let shown = { prefix: "", names: [], next: undefined };
let asking = new AbortController();
let asked = null;		/* text of the last search */

const isAll = () => document.querySelector("[name=whose]:checked").value === "all";

/* null: all of them */
export const value = () => isAll() ? null : [...chosen];

export function set(names, all) {
	chosen = new Set(names);
	document.querySelector(`[name=whose][value=${all ? "all" : "chosen"}]`).checked = true;
	ticks();
	update();
}

/* Typed or pasted text, as names. */
const names = (text) => text.split(/[\s,;]+/).filter((name) => name !== "");

function choose(more) {
	more.forEach((name) => chosen.add(name));
	ticks();
	update();
}

function drop(less) {
	less.forEach((name) => chosen.delete(name));
	ticks();
	update();
}

async function update() {
	byId("vehicles-chosen").hidden = isAll();
	byId("vehicles-all").hidden = !isAll();
	showChips();
	changed();
	try {
		await catalogue.check([...chosen]);
	} catch {
		return;		/* the estimate requests the same and reports the error */
	}
	showChips();
	changed();
}

function chip(name) {
	const fault = !catalogue.possible(name)
		? "not a valid name"
		: catalogue.found(name) === catalogue.UNKNOWN
			? "not in the catalogue"
			: "";

	return el(
		"li",
		{ class: fault ? "chip odd" : "chip" },
		el("span", {}, name),
		(fault && el("span", { class: "why" }, fault)) || null,
		el(
			"button",
			{ type: "button", "aria-label": "Remove " + name, onclick: () => remove(name) },
			"\u00d7",
		),
	);
}

/* The focus goes to the next chip's button, else to the last one's, else to the search. */
function remove(name) {
	const place = [...chosen].indexOf(name);

	drop([name]);
	const buttons = chips.querySelectorAll("button");

	(buttons[Math.min(place, buttons.length - 1)] ?? box).focus();
}

const unknownOnes = () =>
	[...chosen].filter(
		(name) => !catalogue.possible(name) || catalogue.found(name) === catalogue.UNKNOWN,
	);

function showChips() {
	const all = [...chosen],
		strange = unknownOnes();

	/* Faulty names come first when not all can be shown. */
	const order =
		all.length > CHIPS_SHOWN
			? [...strange, ...all.filter((name) => !strange.includes(name))]
			: all;

	chips.replaceChildren(
		...order.slice(0, CHIPS_SHOWN).map(chip),
		...(all.length > CHIPS_SHOWN
			? [el("li", {}, "and " + number(all.length - CHIPS_SHOWN) + " more")]
			: []),
	);
	say(
		byId("chips-title"),
		all.length === 0 ? "None chosen yet" : many(all.length, "vehicle") + " chosen",
	);
	say(
		unknown,
		strange.length === 0
			? ""
			: `Not in the catalogue: ${some(strange, 8)}. ` +
					"An export fails if a vehicle does not exist, unless you choose " +
					"otherwise below; " +
					"a vehicle that is too new to be in the catalogue is exported.",
	);
	byId("unknown-remove").hidden = strange.length === 0;
	byId("chips-clear").hidden = all.length === 0;
}

function line(name) {
	return el(
		"label",
		{},
		el("input", {
			type: "checkbox",
			value: name,
			onchange: (e) => (e.target.checked ? choose : drop)([name]),
		}),
		" ",
		name,
	);
}

function ticks() {
	for (const input of list.querySelectorAll("input"))
		input.checked = chosen.has(input.value);
}

function showFound(text, got, appended) {
	shown = got;
	list.replaceChildren(...(appended ? [...list.children] : []), ...got.names.map(line));
	ticks();
	more.hidden = !got.next;
	byId("vehicle-select").hidden = list.children.length === 0;
	list.hidden = list.children.length === 0;

	const n = list.children.length;
	const prefix =
		got.prefix === ""
			? ""
			: ` that ${n === 1 && !got.next ? "begins" : "begin"} with \u201c${got.prefix}\u201d`;

	say(
		byId("vehicle-found"),
		n === 0
			? text === ""
				? "The catalogue is empty: a worker fills it soon after it starts."
				: `No vehicle begins with \u201c${text}\u201d.`
			: got.next
				? `The first ${number(n)} vehicles${prefix}.`
				: `${many(n, "vehicle")}${prefix}.`,
	);
	add.hidden = text === "" || got.names.includes(text);
}

async function search(after) {
	const text = box.value.trim();

	asking.abort();
	asking = new AbortController();
	asked = text;
	try {
		const got = await catalogue.search(after ? shown.prefix : text, after, asking.signal);

		showFound(text, got, Boolean(after));
		return true;
	} catch (e) {
		if (e.name !== "AbortError")
			say(byId("vehicle-found"), e.message + " Type again to search again.");
		return false;
	}
}

/* Enter: take the vehicle that is meant, if that is clear. */
async function enter(event) {
	if (event.key !== "Enter")
		return;
	event.preventDefault();		/* no submission */
	if (names(box.value).length > 1) {
		take(names(box.value));
		return;
	}
	const text = box.value.trim();

	if (text === "" || !await search() || text !== box.value.trim())
		return;
	if (shown.names.includes(text) || shown.names.length === 0)
		take([text]);
	else if (shown.names.length === 1)
		take(shown.names);
	else
		list.querySelector("input").focus();
}

/* Choose them, and start a new search. */
function take(meant) {
	choose(meant);
	box.value = "";
	search();
}

export function start(onChange, first) {
	/* Enter may have searched already. */
	const typed = later(() => box.value.trim() === asked || search(), 200);

	changed = onChange;
	box.addEventListener("input", typed);
	box.addEventListener("keydown", enter);
	box.addEventListener("paste", (event) => {
		const text = event.clipboardData.getData("text");

		if (names(text).length < 2)
			return;
		event.preventDefault();
		take(names(text));
	});
	add.addEventListener("click", () => {
		take(names(box.value));
		box.focus();
	});
	more.addEventListener("click", () => search(shown.next));
	byId("vehicle-select").addEventListener("click", () =>
		choose([...list.querySelectorAll("input")].map((input) => input.value)),
	);
	byId("paste-add").addEventListener("click", () => {
		choose(names(byId("paste-text").value));
		byId("paste-text").value = "";
	});
	byId("unknown-remove").addEventListener("click", () => { drop(unknownOnes()); box.focus(); });
	byId("chips-clear").addEventListener("click", () => { drop([...chosen]); box.focus(); });
	for (const radio of document.querySelectorAll("[name=whose]"))
		radio.addEventListener("change", update);
	if (first)
		showFound("", first, false);
	else
		search();
}
