/* A small plot of samples, with gaps where there are none. */
import { el, svg } from "./dom.js";
import { number } from "./format.js";

const WIDTH = 240, HEIGHT = 48, MARGIN = 3;
const short = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 6 });

/* [[[x, y], ...], ...]: a line for each run of samples without a gap. */
function lines(samples, low, high) {
	const x = (i) => MARGIN + ((WIDTH - 2 * MARGIN) * i) / Math.max(1, samples.length - 1);
	const y = (v) =>
		high === low
			? HEIGHT / 2
			: HEIGHT - MARGIN - ((HEIGHT - 2 * MARGIN) * (v - low)) / (high - low);
	const all = [];
	let run = null;

	samples.forEach((v, i) => {
		if (!Number.isFinite(v)) {
			run = null;
			return;
		}
		if (!run)
			all.push(run = []);
		run.push([x(i), y(v)]);
	});
	return all;
}

const at = (point) => point.map((n) => n.toFixed(1)).join(",");

/* plot(name, samples): a figure; samples null: no numbers. */
export function plot(name, samples) {
	const values = (samples ?? []).filter(Number.isFinite);

	if (values.length === 0)
		return el(
			"figure",
			{ class: "plot" },
			el("figcaption", {}, name),
			el("p", { class: "hint" }, "No numbers in this range."),
		);

	const low = Math.min(...values),
		high = Math.max(...values);
	const drawn = lines(samples, low, high).map((run) =>
		run.length === 1
			? svg("circle", { cx: run[0][0].toFixed(1), cy: run[0][1].toFixed(1), r: "1.2" })
			: svg("polyline", { points: run.map(at).join(" ") }),
	);
	const extent = `${short.format(low)} to ${short.format(high)}`;
	const label = `${name}: ${number(values.length)} samples, ${extent}`;

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
			...drawn,
		),
		el(
			"p",
			{ class: "scale", "aria-hidden": "true" },
			el("span", {}, "min " + short.format(low)),
			el("span", {}, "max " + short.format(high)),
		),
	);
}
