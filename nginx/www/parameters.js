/* Which parameters: all, or chosen ones, in the order of the columns. */
import { meaningOf } from "./catalogue.js";
import { byId, el, say } from "./dom.js";
import { many, number, some } from "./format.js";

const list = byId("parameter-list"), name = byId("parameter-name");

let changed;
let known = [];			/* what the vehicles have */
let shown = "";			/* them with their meanings */
let typed = [];			/* added by name */
let chosen = new Set();

const isAll = () => document.querySelector("[name=which]:checked").value === "all";
const columns = () => [...known, ...typed.filter((p) => !known.includes(p))];

/* null: all of them */
export const value = () => isAll() ? null : columns().filter((p) => chosen.has(p));

export function set(names, all) {
	chosen = new Set(names);
	typed = [...names];
	document.querySelector(`[name=which][value=${all ? "all" : "chosen"}]`).checked = true;
	show();
}

/* Other vehicles were chosen. */
export function offer(names) {
	const lines = names.map((p) => p + "\t" + meaningOf(p)).join("\n");

	if (lines === shown)
		return;
	shown = lines;
	known = names;
	show();
}

function line(p) {
	const tick = (e) => {
		e.target.checked ? chosen.add(p) : chosen.delete(p);
		hint();
		changed();
	};

	return el(
		"label",
		{},
		el("input", { type: "checkbox", value: p, checked: chosen.has(p), onchange: tick }),
		" ",
		p,
		meaningOf(p) === "" ? "" : el("span", { class: "hint" }, " " + meaningOf(p)),
	);
}

function hint() {
	const strange =
		known.length === 0 ? [] : columns().filter((p) => chosen.has(p) && !known.includes(p));

	say(
		byId("parameter-hint"),
		many(value()?.length ?? 0, "column") +
			" chosen of " +
			number(columns().length) +
			(strange.length > 0
				? `. None of the vehicles checked has ${some(strange, 5)}: an empty column.`
				: "."),
	);
}

function show() {
	byId("parameters-chosen").hidden = isAll();
	list.replaceChildren(...columns().map(line));
	list.hidden = list.children.length === 0;
	hint();
}

function all(yes) {
	chosen = new Set(yes ? columns() : []);
	show();
	changed();
}

function add() {
	const text = name.value.trim();

	if (text === "")
		return;
	if (!columns().includes(text))
		typed.push(text);
	chosen.add(text);
	name.value = "";
	show();
	changed();
}

export function start(onChange) {
	changed = onChange;
	for (const radio of document.querySelectorAll("[name=which]"))
		radio.addEventListener("change", () => { show(); changed(); });
	byId("parameter-all").addEventListener("click", () => all(true));
	byId("parameter-none").addEventListener("click", () => all(false));
	byId("parameter-add").addEventListener("click", () => { add(); name.focus(); });
	name.addEventListener("keydown", (event) => {
		if (event.key === "Enter") {
			event.preventDefault();
			add();
		}
	});
}
