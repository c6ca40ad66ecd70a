/* A request as a command for a POSIX shell. */

export const quote = (text) =>
	/^[A-Za-z0-9_.,:\/@%+=-]+$/.test(text) ? text : "'" + text.replaceAll("'", "'\\''") + "'";

export function curl(base, body) {
	return [
		"curl -sS",
		quote(base + "/export"),
		"-H 'Content-Type: application/json'",
		"--data-raw",
		quote(JSON.stringify(body)),
	].join(" ");
}

/* OPTION=VALUE in one word, so that a value may begin with a dash. */
export function exportctl(base, body) {
	const option = (name, value) => (value === undefined ? [] : [quote("--" + name + "=" + value)]);

	return [
		"exportctl create",
		...option("url", base),
		...option("from", body.startDate),
		...option("to", body.endDate),
		...(body.vehicles ?? []).flatMap((name) => option("vehicle", name)),
		...(body.parameters ?? []).flatMap((name) => option("parameter", name)),
		...option("format", body.format),
		...option("time", body.time),
		...option("split", body.split),
		...option("time-zone", body.timeZone),
		...option("every", body.every),
		...option("take", body.take),
		...option("hold", body.hold),
		...option("csv", body.csv),
		...option("header", body.header),
		...option("compression", body.compression),
		...option("unknown-vehicles", body.unknownVehicles),
		...option("name", body.name),
	].join(" ");
}
