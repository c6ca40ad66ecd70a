/* The first rows of a result, and what the numbers of its columns are like over time. */
import { ask } from "./api.js";
import { el } from "./dom.js";
import { local, many, number, utc } from "./format.js";
import { BINS, plot } from "./plot.js";

/* The time cell, in the form that the request chose. A time of day in a zone says all it can. */
function timeCell(text) {
	const ms = /^-?\d+$/.test(text) ? Number(text) : text.endsWith("Z") ? Date.parse(text) : NaN;

	return el(
		"th",
		{ scope: "row", title: Number.isNaN(ms) ? null : `${local(ms)}, ${utc(ms)}` },
		text,
	);
}

function table({ vehicle, parameters, rows }) {
	const label = `The first ${many(rows.length, "row")} of ${vehicle}`;

	return el(
		"div",
		{ class: "scroll", tabindex: "0", role: "region", "aria-label": label },
		el(
			"table",
			{},
			el("caption", {}, label),
			el(
				"thead",
				{},
				el(
					"tr",
					{},
					...["time", ...parameters].map((name) => el("th", { scope: "col" }, name)),
				),
			),
			el(
				"tbody",
				{},
				...rows.map(([time, ...cells]) =>
					el("tr", {}, timeCell(time), ...cells.map((cell) => el("td", {}, cell))),
				),
			),
		),
	);
}

/* Of the first vehicle that has rows. */
function shown({ from, to, vehicles: [first] }) {
	const { parameters, parametersTotal, bins } = first;

	return [
		table(first),
		el(
			"p",
			{ class: "hint" },
			`Plots show all numbers: from the smallest to the largest, and their mean, in each ` +
				`${BINS}th of ${local(from)} to ${local(to)}. A gap: none there.`,
			parametersTotal > parameters.length
				? ` ${number(parameters.length)} of ${number(parametersTotal)} columns are shown.`
				: "",
		),
		el("div", { class: "plots" }, ...parameters.map((name, i) => plot(name, bins[i]))),
	];
}

/*
 * preview(id): the nodes to show; a FINISHED export without rows has no preview (204). Throws
 * Problem.
 */
export async function preview(id) {
	const { json } = await ask("GET", `/export/${id}/preview`);

	return json
		? shown(json)
		: [
				el(
					"p",
					{ class: "hint" },
					"No vehicle has rows in this range: each file is without rows. " +
						"Or an earlier version of the service made this export.",
				),
			];
}
