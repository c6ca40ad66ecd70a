/* Numbers, sizes and times for people, in the viewer's customs and time zone. */
import { el } from "./dom.js";

const DAY_TIME = {
	year: "numeric",
	month: "short",
	day: "numeric",
	hour: "2-digit",
	minute: "2-digit",
	second: "2-digit",
};
const whole = new Intl.NumberFormat();
const tenths = new Intl.NumberFormat(undefined, {
	minimumFractionDigits: 1,
	maximumFractionDigits: 1,
});
const moment = new Intl.DateTimeFormat(undefined, DAY_TIME);

export const zoneName = Intl.DateTimeFormat().resolvedOptions().timeZone;

export const number = (n) => whole.format(n);

export function bytes(n) {
	const units = ["B", "kB", "MB", "GB", "TB"];
	let i = 0;

	for (; n >= 999.95 && i < units.length - 1; i++)
		n /= 1000;
	return (i === 0 ? whole : tenths).format(n) + "\u00a0" + units[i];
}

/* many(3, "vehicle") */
export const many = (n, thing) => number(n) + "\u00a0" + thing + (n === 1 ? "" : "s");

/* RFC 3339, UTC, without a zero fraction. */
export const utc = (ms) => new Date(ms).toISOString().replace(".000Z", "Z");

export const local = (ms) => moment.format(ms);

/* <time>, local, with the UTC time as its title. */
export function time(iso) {
	const ms = Date.parse(iso);

	return el("time", { datetime: iso, title: utc(ms) + " (UTC)" }, local(ms));
}

/* "3 min 20 s", of the time left. */
export function duration(ms) {
	const s = Math.max(0, Math.round(ms / 1000));

	if (s < 60)
		return s + "\u00a0s";
	if (s < 3600)
		return Math.floor(s / 60) + "\u00a0min" + (s % 60 === 0 ? "" : " " + s % 60 + "\u00a0s");
	return number(Math.floor(s / 3600)) + "\u00a0h " + Math.floor(s % 3600 / 60) + "\u00a0min";
}

/* "10 min", of the service's "10m". */
export const length = (text) =>
	text.replace(/(ms|s|m|h)$/, (unit) => "\u00a0" + (unit === "m" ? "min" : unit));

/* "a, b, c and 4 more" */
export function some(names, n) {
	return names.length <= n + 1
		? names.join(", ")
		: names.slice(0, n).join(", ") + " and " + number(names.length - n) + " more";
}
