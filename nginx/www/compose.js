/*
 * The form: what it holds, kept over reloads; what is wrong with it; the estimate; the submission.
 */
import { ask, base, create, newKey } from "./api.js";
import * as catalogue from "./catalogue.js";
import { curl, exportctl } from "./commands.js";
import { byId, copies, el, later, say } from "./dom.js";
import { bytes, duration, many, number, some, utc, zoneName } from "./format.js";
import * as parameters from "./parameters.js";
import * as vehicles from "./vehicles.js";
import * as when from "./when.js";

const KEPT = "telemetry-export-form",
	SENT = "telemetry-export-sent";
const LOCKED_MS = 1000; /* the second of two clicks is not a second export */
const LARGE = 0.1; /* of documentsMax */
const FIELDS = ["vehicles", "parameters", "range", "format", "name", "form"];
const INPUTS = [
	"every",
	"take",
	"hold",
	"format",
	"header",
	"split",
	"time",
	"compression",
	"unknownVehicles",
	"name",
];
const PARQUET = "parquet"; /* of the formats, the one that is no CSV */
const MEMBERS = {
	startDate: "range",
	endDate: "range",
	format: "format",
	time: "format",
	timeZone: "format",
	every: "format",
	take: "format",
	hold: "format",
	csv: "format",
	header: "format",
	split: "format",
	compression: "format",
	vehicles: "vehicles",
	parameters: "parameters",
	unknownVehicles: "vehicles",
	name: "name",
};
const input = Object.fromEntries(INPUTS.map((id) => [id, byId(id)]));
const send = byId("send"),
	estimate = byId("estimate");

let limits = null;
let created; /* called with each new job */
let tried = false; /* after an attempt to send, a missing field is a fault */
let sending = false;
let judged = {
	text: "",
	faults: {},
}; /* the body that the service has estimated or refused, and its faults */
let asking = new AbortController();

/* ---- the request -------------------------------------------------------------------------- */

/* The members that say how files are written; a time in Parquet has one form. */
function form() {
	const { value } = input.format;

	return value === PARQUET ? { format: value } : { time: input.time.value, csv: value };
}

/*
 * {body, lacking: [what], faults: {field: {text, which}}}: the body can be sent when nothing is
 * missing and nothing is wrong.
 */
function request() {
	const body = {}, lacking = [], faults = {};
	const names = vehicles.value(), columns = parameters.value();
	const name = input.name.value.trim();
	const { range, fault } = when.value();

	if (fault) faults.range = fault;
	else if (range) [body.startDate, body.endDate] = range.map(utc);
	else lacking.push(["range", "a range"]);
	if (names?.length === 0) lacking.push(["vehicles", "vehicles"]);
	else if (names) body.vehicles = names;
	if (columns?.length === 0) lacking.push(["parameters", "parameters"]);
	else if (columns) body.parameters = columns;
	Object.assign(body, form(), { compression: input.compression.value });
	if (names && input.unknownVehicles.value === "skip") body.unknownVehicles = "skip";
	if (input.header.value !== "name") body.header = input.header.value;
	if (input.split.value !== "none") body.split = input.split.value;
	if (body.time === "local" || body.split) body.timeZone = zoneName;
	if (input.every.value !== "") {
		body.every = input.every.value;
		body.take = input.take.value;
		if (input.hold.value !== "0s") body.hold = input.hold.value;
	}
	if (name !== "") body.name = name;

	const size = new Blob([JSON.stringify(body)]).size;

	if (limits && size > limits.bodyMaxBytes)
		faults.vehicles = {
			text:
				`The lists are too long for one request: ${number(size)} of at most ` +
					`${number(limits.bodyMaxBytes)} bytes. ` +
				"Choose fewer, or make two exports.",
		};
	return { body, lacking, faults };
}

function showFaults(faults) {
	for (const field of FIELDS) {
		const text = faults[field]?.text ?? "";

		say(byId("fault-" + field), text);
		byId("field-" + field)?.classList.toggle("wrong", text !== "");
	}
	input.name.setAttribute("aria-invalid", Boolean(faults.name));
	when.mark(faults.range);
}

/* The field that a refusal is about; an item of a list by its name. */
function faultOf(problem, body) {
	const [, member, item] = problem.pointer.split("/");
	const field = MEMBERS[member] ?? "form";
	const name = item === undefined ? "" : `\u201c${body[member]?.[item] ?? item}\u201d: `;

	return {
		[field]: {
			text: name + problem.message,
			which: { startDate: "start", endDate: "end" }[member],
		},
	};
}

/* ---- estimate ----------------------------------------------------------------------------- */

function sizes({ documents, rows, bytes: size, seconds, vehicles: n }) {
	if (documents === null)
		return [
			"The size is not known: the database is slow just now. The export can be started " +
				"all the same.",
		];
	return [
		el("strong", {}, `About ${many(documents, "document")}`),
		` of ${many(n, "vehicle")} to read. A document is one hour of one parameter.`,
		rows === null || documents === 0 ? "" :
			` By the latest exports: ${many(rows, "row")}, ${bytes(size)} to download, ` +
			`${duration(1000 * seconds)} to make.`,
	];
}

function showEstimate(answer) {
	const { documents, documentsMax, unknownVehicles } = answer;
	const lines = [el("p", {}, ...sizes(answer))];

	if (documents === 0)
		lines.push(
			el(
				"p",
				{ class: "warning" },
				"No known data in this range: each file would be without rows.",
			),
		);
	else if (documents > documentsMax * LARGE)
		lines.push(
			el(
				"p",
				{ class: "warning" },
				`This is large: ${Math.round((100 * documents) / documentsMax)} % of what one ` +
					`export may read (${number(documentsMax)}). It will take long; a shorter ` +
					"range or fewer parameters take less.",
			),
		);
	if (unknownVehicles.length > 0)
		lines.push(el("p", { class: "warning" }, `Unknown: ${some(unknownVehicles, 10)}.`));
	/* Do not rewrite a live region without a change. */
	if (estimate.textContent !== lines.map((line) => line.textContent).join(""))
		estimate.replaceChildren(...lines);
}

/* Tries again by itself after a refusal that passes. */
async function estimated(body) {
	const text = body && JSON.stringify(body);

	if (!body || text === judged.text)
		return;
	asking.abort();
	asking = new AbortController();

	const { signal } = asking;

	try {
		const { json } = await ask("POST", "/export?dryRun=true", { body: text, signal });

		judged = { text, faults: {} };
		showEstimate(json);
	} catch (e) {
		if (e.name === "AbortError")
			return;
		if (!e.passes) {
			judged = { text, faults: faultOf(e, body) };
			estimate.replaceChildren();
			showFaults(judged.faults);
			return;
		}
		const wait = Math.max(e.retryAfter ?? 0, 5);
		const timer = setTimeout(() => estimated(body), wait * 1000);

		signal.addEventListener("abort", () => clearTimeout(timer));
		estimate.replaceChildren(
			el("p", {}, `No estimate yet: ${e.message} Trying again in ${wait} s.`),
		);
	}
}

const estimateSoon = later((body) => estimated(body), 400);

/* ---- all of the form ---------------------------------------------------------------------- */

function keep() {
	try {
		localStorage.setItem(KEPT, JSON.stringify({
			all: vehicles.value() === null, vehicles: vehicles.value() ?? [],
			allParameters: parameters.value() === null, parameters: parameters.value() ?? [],
			...Object.fromEntries(INPUTS.map((id) => [id, input[id].value])),
			...when.kept(),
		}));
	} catch {
		/* storage is full or forbidden: not kept */
	}
}

function kept() {
	try {
		return JSON.parse(localStorage.getItem(KEPT)) ?? {};
	} catch {
		return {};
	}
}

function showCommands(body, complete) {
	byId("commands-there").hidden = !complete;
	byId("commands-hint").hidden = complete;
	byId("curl").value = complete ? curl(base, body) : "";
	byId("exportctl").value = complete ? exportctl(base, body) : "";
}

function showSteps() {
	byId("take-part").hidden = byId("hold-part").hidden = input.every.value === "";
}

function showFormat() {
	byId("time-part").hidden = input.format.value === PARQUET;
}

function formatHint(format) {
	if (format === "rfc4180")
		return "";
	if (format === PARQUET)
		return "Numbers are doubles, times are timestamps of UTC. What is no double, such as a " +
			"text, is in a column of its own: its name ends in _text.";
	return `The time column is the time in ${zoneName} now, which a sheet reads; you can change ` +
		"it back. A new file begins before a sheet's 1,048,576 rows are full.";
}

function showSplit() {
	const { value } = input.split;

	say(
		byId("split-hint"),
		value === "none"
			? ""
			: `A file for each ${value} in which a vehicle has data, by the time in ${zoneName}.`,
	);
}

/* After each change of the form. */
function update() {
	const { body, lacking, faults } = request();
	const complete = lacking.length === 0 && Object.keys(faults).length === 0;

	keep();
	showSteps();
	showFormat();
	showSplit();
	when.showSent();
	showCommands(body, complete);
	if (tried)
		for (const [field, what] of lacking)
			faults[field] ??= { text: `Choose ${what}.` };
	showFaults(complete && JSON.stringify(body) === judged.text ? judged.faults : faults);
	asking.abort();
	estimateSoon(complete ? body : null);
	if (complete) return;
	judged.text = "";
	estimate.replaceChildren(
		el(
			"p",
			{},
			lacking.length === 0
				? ""
				: `Choose ${lacking.map(([, what]) => what).join(" and ")} to see the size.`,
		),
	);
}

/* Vehicles were chosen, or more is known about them. */
function vehiclesChanged() {
	parameters.offer(catalogue.parametersOf(vehicles.value() ?? []));
	when.offer();
	update();
}

function fill(from) {
	for (const id of INPUTS)
		input[id].value = from[id] ?? (input[id].options?.[0].value ?? "");
	parameters.set(from.parameters ?? [], from.allParameters ?? true);
	/* The presets are those of the vehicles. */
	vehicles.set(from.vehicles ?? [], from.all ?? false);
	when.set(from);
	update();
}

/* ---- submission --------------------------------------------------------------------------- */

/* The key of a body until it is answered, also over a reload: sent again, it is the same job. */
function keyOf(text) {
	try {
		const [key, sent] = JSON.parse(sessionStorage.getItem(SENT)) ?? [];

		if (sent === text)
			return key;
	} catch {
		/* none was kept */
	}
	const key = newKey();

	try {
		sessionStorage.setItem(SENT, JSON.stringify([key, text]));
	} catch {
		/* nor can this one be */
	}
	return key;
}

function forget() {
	try {
		sessionStorage.removeItem(SENT);
	} catch {
		/* there is none */
	}
}

function lock(yes) {
	sending = yes;
	send.setAttribute("aria-disabled", yes);
	say(send, yes ? "Sending\u2026" : "Start the export");
}

/* A field without a group of its own is the name, or the whole form. */
const focusOn = (field) =>
	(byId("field-" + field) ?? (field === "name" ? input.name : send)).focus();

async function submit(event) {
	event.preventDefault();
	if (sending)
		return;
	tried = true;
	update();

	const { body, lacking, faults } = request();
	const first = FIELDS.find((field) => faults[field] || lacking.some(([f]) => f === field));

	if (first) {
		focusOn(first);
		return;
	}
	lock(true);

	const unlocked = new Promise((done) => setTimeout(done, LOCKED_MS));
	const text = JSON.stringify(body);

	try {
		const { json, retryAfter } = await create(text, keyOf(text));

		forget();
		tried = false;
		created(json, retryAfter);
	} catch (e) {
		if (!e.passes)
			forget();
		refused(e, body);
	}
	await unlocked;
	lock(false);
}

function refused(e, body) {
	const found = faultOf(e, body);
	const field = Object.keys(found)[0];

	if (e.passes)
		found[field].text += e.retryAfter
			? ` Try again in ${e.retryAfter} s.`
			: " Try again in a moment.";
	showFaults(found);
	focusOn(field);
}

export async function start(onCreated) {
	created = onCreated;
	parameters.start(update);

	/* The form works without them: the service reports what is too much. */
	const [first] = await Promise.all([
		catalogue.begin().catch(() => null),
		ask("GET", "/limits").then(({ json }) => { limits = json; }, () => {}),
	]);

	when.start(update, () => vehicles.value() ?? []);
	vehicles.start(vehiclesChanged, first);
	try {
		fill(kept());
	} catch {
		fill({});		/* an older page kept something else */
	}

	input.format.addEventListener("change", () => {
		const { value } = input.format;

		if (value.startsWith("excel")) input.time.value = "local";
		say(byId("format-hint"), formatHint(value));
		update();
	});
	for (const id of INPUTS.filter((name) => name !== "format" && name !== "name"))
		input[id].addEventListener("change", update);
	input.name.addEventListener("input", update);
	byId("compose").addEventListener("submit", submit);
	byId("reset").addEventListener("click", () => {
		tried = false;
		say(byId("format-hint"), "");
		fill({});
	});
	copies(byId("curl-copy"), () => byId("curl").value, byId("curl"));
	copies(byId("exportctl-copy"), () => byId("exportctl").value, byId("exportctl"));
}
