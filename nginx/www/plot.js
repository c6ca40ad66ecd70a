/* A small plot of a column's numbers over time: a band, a line, gaps where there are none. */
import { el, svg } from "./dom.js";
import { number } from "./format.js";

export const BINS = 240;
const WIDTH = 240, HEIGHT = 48, MARGIN = 3;
const short = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 6 });

/* [[{bin, count, min, max, mean}, ...], ...]: a run of bins without a gap each. */
function runs(bins) {
	const all = [];

	bins.forEach(([bin, count, min, max, sum], i) => {
		/* Rounded, a mean may be just outside. */
		const mean = sum === null ? null : Math.min(max, Math.max(min, sum / count));

		if (i === 0 || bins[i - 1][0] !== bin - 1) all.push([]);
		all.at(-1).push({ bin, count, min, max, mean });
	});
	return all;
}

const x = ({ bin }) => MARGIN + ((WIDTH - 2 * MARGIN) * (bin + 0.5)) / BINS;
const points = (list) => list.map((at) => at.map((n) => n.toFixed(1)).join(",")).join(" ");

/* A run's band from min to max, and the line of its means; y: of a number. */
function drawn(run, y) {
	const top = run.map((b) => [x(b), y(b.max)]),
		bottom = run.map((b) => [x(b), y(b.min)]),
		line = run.filter((b) => b.mean !== null).map((b) => [x(b), y(b.mean)]);

	if (run.length === 1)
		return [
			svg("polyline", { class: "band", points: points([...top, ...bottom]) }),
			...line.map(([cx, cy]) =>
				svg("circle", { cx: cx.toFixed(1), cy: cy.toFixed(1), r: "1.2" }),
			),
		];
	return [
		svg("polygon", { points: points([...top, ...bottom.reverse()]) }),
		svg("polyline", { points: points(line) }),
	];
}

/* plot(name, bins): a figure of [[bin, count, min, max, sum], ...]; null: no numbers. */
export function plot(name, bins) {
	if (!bins)
		return el(
			"figure",
			{ class: "plot" },
			el("figcaption", {}, name),
			el("p", { class: "hint" }, "No numbers in this range, or too many columns."),
		);

	const low = Math.min(...bins.map((b) => b[2])),
		high = Math.max(...bins.map((b) => b[3])),
		count = bins.reduce((n, b) => n + b[1], 0);
	const y = (v) =>
		high === low
			? HEIGHT / 2
			: HEIGHT - MARGIN - ((HEIGHT - 2 * MARGIN) * (v - low)) / (high - low);
	const extent = `${short.format(low)} to ${short.format(high)}`;
	const label = `${name}: ${number(count)} values, ${extent}`;

	return el(
		"figure",
		{ class: "plot" },
		el("figcaption", {}, name),
		svg(
			"svg",
			{
				viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
				preserveAspectRatio: "none",
				role: "img",
				"aria-label": label,
			},
			...runs(bins).flatMap((run) => drawn(run, y)),
		),
		el(
			"p",
			{ class: "scale", "aria-hidden": "true" },
			el("span", {}, "min " + short.format(low)),
			el("span", {}, "max " + short.format(high)),
		),
	);
}
