/*
 * The time range: presets, or typed dates and times, and their zone. What is sent is printed below.
 */
import { extentOf } from "./catalogue.js";
import { byId, el, say } from "./dom.js";
import { local, utc, zoneName } from "./format.js";
import { presets, read, shown } from "./range.js";

const DAY_AT_MOST_MS = 25 * 3600000;
const MOMENTS = ["start", "end"];
const preset = byId("preset"), zone = byId("zone");

let chosen;			/* returns the names of the chosen vehicles, whose data the presets follow */

const typed = (which) => ({ date: byId(which + "-date").value, time: byId(which + "-time").value });

/* The state to keep, for set(). */
export const kept = () => ({
	preset: preset.value,
	zone: zone.value,
	start: typed("start"),
	end: typed("end"),
});

/* {range: [start, end]}, or {fault: {which, text}}, or neither when nothing was typed yet. */
export function value() {
	const [start, end] = MOMENTS.map((which) => read(typed(which), zone.value));
	const lacks = Number.isNaN(start) ? "start" : Number.isNaN(end) ? "end" : null;

	if (lacks)
		return byId(lacks + "-date").value === ""
			? {}
			: {
					fault: {
						which: lacks,
						text:
							lacks === "start"
								? "The start is not a date."
								: "The end is not a date.",
					},
				};
	if (end <= start)
		return {
			fault: {
				which: "end",
				text:
					"The end must be after the start; the end itself is not included. " +
					"For one whole day, end at midnight of the next day.",
			},
		};
	return { range: [start, end] };
}

/* Mark the inputs of a fault: those of its moment, or of both if it names none. null: none. */
export function mark(fault) {
	for (const which of MOMENTS) {
		const wrong = Boolean(fault) && (fault.which ?? which) === which;

		for (const input of [byId(which + "-date"), byId(which + "-time")]) {
			input.setAttribute("aria-invalid", wrong);
			wrong
				? input.setAttribute("aria-describedby", "fault-range")
				: input.removeAttribute("aria-describedby");
		}
	}
}

export function showSent() {
	const { range } = value();

	if (!range) {
		say(byId("range-sent"), "");
		return;
	}
	const [start, end] = range;
	const here = zone.value === "utc" ? "" : ` In ${zoneName}: ${local(start)} to ${local(end)}.`;

	say(byId("range-sent"), `In UTC: ${utc(start)} to ${utc(end)} (exclusive).${here}`);
}

function type(which, { date, time }) {
	byId(which + "-date").value = date;
	byId(which + "-time").value = time;
}

function text({ label, range: [start, end] }) {
	const day = (ms) => shown(ms, zone.value).date;

	return `${label} (${day(start)}${end - start > DAY_AT_MOST_MS ? " to " + day(end - 1) : ""})`;
}

/* Presets follow the data of the vehicles, the zone and the day; typed values stay. */
export function offer(wanted = preset.value) {
	const known = presets(extentOf(chosen()), Date.now(), zone.value);
	const options = [...known.map((p) => [p.id, text(p)]), ["custom", "Custom"]];
	const picked = known.find((p) => p.id === wanted);

	if (options.join() !== [...preset.options].map((o) => [o.value, o.text]).join())
		preset.replaceChildren(...options.map(([id, label]) => el("option", { value: id }, label)));
	preset.value = picked ? wanted : "custom";
	picked?.range.forEach((ms, i) => type(MOMENTS[i], shown(ms, zone.value)));
}

export function set(from) {
	zone.value = from.zone === "local" ? "local" : "utc";
	for (const which of MOMENTS)
		type(which, { date: from[which]?.date ?? "", time: from[which]?.time ?? "" });
	offer(from.preset ?? (extentOf([]) ? "data-day" : "yesterday"));
}

export function start(onChange, names) {
	chosen = names;
	zone.options[1].text = `Local time (${zoneName})`;
	for (const select of [preset, zone])
		select.addEventListener("change", () => {
			offer();
			onChange();
		});
	for (const which of MOMENTS)
		for (const part of ["-date", "-time"])
			byId(which + part).addEventListener("input", () => {
				preset.value = "custom";
				onChange();
			});
}
