/*
 * Ranges of time: [start, end), Unix ms. A zone is "utc" or "local", the viewer's. Reads no clock
 * and no document.
 */

const HOUR_MS = 3600000;

/* [year, month, day, weekday with Monday 0, "HH:MM:SS"] */
function fields(ms, zone) {
	const d = new Date(ms);
	const two = (n) => String(n).padStart(2, "0");

	return zone === "utc"
		? [d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate(), (d.getUTCDay() + 6) % 7,
			[d.getUTCHours(), d.getUTCMinutes(), d.getUTCSeconds()].map(two).join(":")]
		: [d.getFullYear(), d.getMonth(), d.getDate(), (d.getDay() + 6) % 7,
			[d.getHours(), d.getMinutes(), d.getSeconds()].map(two).join(":")];
}

/* Days and months beyond their ends are those of the next or the one before, as Date has it. */
const midnight = (year, month, day, zone) =>
	zone === "utc" ? Date.UTC(year, month, day) : new Date(year, month, day).getTime();

/* What the inputs show of a moment: {date: "YYYY-MM-DD", time: "HH:MM:SS"}. */
export function shown(ms, zone) {
	const [year, month, day, , time] = fields(ms, zone);

	return {
		date: [
			String(year).padStart(4, "0"),
			String(month + 1).padStart(2, "0"),
			String(day).padStart(2, "0"),
		].join("-"),
		time,
	};
}

/* And back; NaN if it is not a date. An empty time is midnight. */
export function read({ date, time }, zone) {
	const d = /^(\d{4})-(\d\d)-(\d\d)$/.exec(date);
	const t = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?$/.exec(time || "00:00");

	if (!d || !t) return NaN;
	const n = [d[1], d[2] - 1, d[3], t[1], t[2], t[3] ?? 0, (t[4] ?? "").padEnd(3, "0")].map(
		Number,
	);
	const ms = zone === "utc" ? Date.UTC(...n) : new Date(...n).getTime();

	/* The 31st of June */
	return shown(zone === "utc" ? ms : midnight(n[0], n[1], n[2], zone), zone).date === date
		? ms
		: NaN;
}

/* The range of this many days that ends at this midnight. */
const daysUntil = (days, [year, month, day], zone) => [
	midnight(year, month, day - days, zone),
	midnight(year, month, day, zone),
];

/*
 * The last full day with data: that of the last document; if that day is not over yet, the one
 * before, if data reach back that far. extent: {first, last}, hours of the first and the last
 * document.
 */
function lastDay(extent, now, zone) {
	const [year, month, day] = fields(extent.last, zone);
	const start = midnight(year, month, day, zone);
	const before = midnight(year, month, day - 1, zone);

	return midnight(year, month, day + 1, zone) > now && extent.first < start
		? [before, start] : [start, midnight(year, month, day + 1, zone)];
}

/*
 * presets(extent, now, zone): [{id, label, range: [start, end]}]; extent is null when nothing is
 * known about the data.
 */
export function presets(extent, now, zone) {
	const today = fields(now, zone);
	const [year, month] = today;
	const list = [];

	if (extent) {
		const day = lastDay(extent, now, zone);
		const [y, m, d, weekday] = fields(day[0] + HOUR_MS, zone);

		list.push(
			{ id: "data-day", label: "Last full day with data", range: day },
			{
				id: "data-week",
				label: "Week of that day",
				range: [midnight(y, m, d - weekday, zone), midnight(y, m, d - weekday + 7, zone)],
			},
			{
				id: "data-month",
				label: "Month of that day",
				range: [midnight(y, m, 1, zone), midnight(y, m + 1, 1, zone)],
			},
		);
	}
	list.push(
		{ id: "yesterday", label: "Yesterday", range: daysUntil(1, today, zone) },
		{ id: "7-days", label: "Last 7 days, until midnight", range: daysUntil(7, today, zone) },
		{ id: "30-days", label: "Last 30 days, until midnight", range: daysUntil(30, today, zone) },
		{
			id: "last-month",
			label: "Last month",
			range: [midnight(year, month - 1, 1, zone), midnight(year, month, 1, zone)],
		},
	);
	return list;
}
