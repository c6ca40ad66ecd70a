/*
 * One job of the list: built once, then brought up to date, so that the focus and what is open
 * stay.
 */
import { ask, create, newKey, sentence } from "./api.js";
import { copies, el, say } from "./dom.js";
import {
	bytes,
	duration,
	length,
	local,
	many,
	number,
	some,
	time,
	utc,
	zoneName,
} from "./format.js";
import { preview } from "./preview.js";
import { ended, follows, label } from "./states.js";

/* What the user can do about it. */
const ADVICE = {
	unknown_vehicle: "Check the name in the catalogue, or start the export without it.",
	slice_too_large: "Choose fewer parameters.",
	results_full: "Delete results that are not needed any more, then try again.",
	attempts_exhausted: "Try again later; if it fails again, tell the operator of the service.",
};
const TIMES = { rfc3339: "RFC 3339", ms: "Unix ms" };
const TAKES = {
	last: "last value",
	first: "first value",
	mean: "mean",
	min: "smallest",
	max: "largest",
};
const STYLES = {
	rfc4180: "plain CSV (LF)",
	excel: "for spreadsheets (BOM, CRLF)",
	"excel-semicolon": "for spreadsheets (BOM, CRLF, decimal comma)",
};

function lengthOf(job) {
	const hours = (Date.parse(job.endDate) - Date.parse(job.startDate)) / 3600000;

	return hours % 24 === 0
		? many(hours / 24, "day")
		: hours % 1 === 0
			? many(hours, "hour")
			: duration(hours * 3600000);
}

/* A list of jobs has long lists of names as their number. */
const namesOf = (names, count, n, all) =>
	names ? some(names, n) : count ? number(count) : all;

const vehiclesOf = (job) =>
	job.vehiclesCount
		? many(job.vehiclesCount, "vehicle")
		: namesOf(job.vehicles, 0, 3, "all vehicles");

/* A day of UTC by its date, another moment in the viewer's time. */
function rangeOf(job) {
	const start = Date.parse(job.startDate);
	const [date, midnight] = utc(start).split("T00:00:00Z");

	return `${lengthOf(job)} from ${midnight === "" ? date : local(start)}`;
}

/* "each 10 min, the mean, held for up to 1 min" */
const stepsOf = ({ every, take, hold }) =>
	`each ${length(every)}, the ${TAKES[take] ?? take}` +
	(hold === "0s" ? "" : `, held for up to ${length(hold)}`);

export const titleOf = (job) => job.name ?? rangeOf(job);

/* "Parquet, fast compression" */
function formOf({ format, csv, time: form, timeZone, header, compression }) {
	const names = header === "unit" ? ", units in headers" : "";

	if (format === "parquet")
		return `Parquet${names}, ${compression} compression`;

	const times = form === "local" ? `time in ${timeZone}` : TIMES[form] ?? form;

	return `time as ${times}, ${STYLES[csv] ?? csv}${names}, ${compression} compression`;
}

/* The request, to be sent again. */
function requestOf({
	startDate,
	endDate,
	vehicles,
	parameters,
	format,
	time: form,
	split,
	timeZone,
	every,
	take,
	hold,
	csv,
	header,
	compression,
	unknownVehicles,
	name,
}) {
	return JSON.stringify({
		startDate,
		endDate,
		vehicles,
		parameters,
		format,
		time: form,
		split,
		timeZone,
		every,
		take,
		hold,
		csv,
		header,
		compression,
		unknownVehicles,
		name,
	});
}

/* Rows of a description list that come and go with their values. */
class Facts {
	constructor() {
		this.node = el("dl", { class: "facts" });
		this.rows = new Map();
	}

	/* value: text, a node, or null for none. as: what tells whether a node differs. */
	set(name, value, as = value) {
		let row = this.rows.get(name);

		if (!row) {
			if (value === null)
				return;
			row = { node: el("div", {}, el("dt", {}, name)), value: el("dd") };
			row.node.append(row.value);
			this.rows.set(name, row);
			this.node.append(row.node);
		}
		row.node.hidden = value === null;
		if (value !== null && row.as !== as) {
			row.as = as;
			row.value.replaceChildren(value);
		}
	}

	time(name, iso) {
		this.set(name, iso ? time(iso) : null, iso ?? null);
	}
}

export class Card {
	/* on: {created(job, retryAfter), changed(card), stateNews(card)} */
	constructor(job, on) {
		this.on = on;
		this.id = job._id;
		this.cancelling = false;
		this.build();
		this.update(job);
	}

	build() {
		const button = (text, f, name = "") =>
			el("button", { type: "button", class: name, onclick: f }, text);

		this.heading = el("h3", { tabindex: "-1" });
		this.chip = el("span", { class: "state" });
		this.summary = el("p", { class: "summary" });
		this.bar = el("progress", { "aria-label": "Documents read" });
		this.counts = el("p", { class: "counts" });
		this.error = el("p", { class: "fault" });
		this.refusal = el("p", { class: "fault", role: "alert" });
		this.download = button("Download", () => this.fetch(), "primary");
		this.cancel = button("Cancel", () =>
			this.confirm(this.cancel, "Cancel this export?", "Yes, cancel it"),
		);
		this.remove = button("Delete result", () => this.confirmRemoval());
		this.retry = button("Retry", () => this.again());
		this.actions = el(
			"div",
			{ class: "row" },
			this.download,
			this.cancel,
			this.retry,
			this.remove,
		);
		this.question = el("div", { class: "row question", role: "group", hidden: true });
		this.facts = new Facts();
		this.preview = el("div", { class: "preview" });
		this.sum = el("code");
		this.copy = el("button", { type: "button", class: "small" }, "Copy");
		this.details = el(
			"details",
			{ ontoggle: () => this.look() },
			el("summary", {}, "Details"),
			this.facts.node,
			this.preview,
		);
		this.node = el(
			"li",
			{ class: "job", "data-id": this.id },
			el("div", { class: "top" }, this.heading, this.chip),
			this.summary,
			this.bar,
			this.counts,
			this.error,
			this.actions,
			this.question,
			this.refusal,
			this.details,
		);
		copies(this.copy, () => this.sum.textContent, this.sum);
	}

	/* An answer that was overtaken by a later one is ignored. */
	update(job) {
		const before = this.job;

		if (before && !follows(before.state, job.state)) return;
		this.job = {
			...(before?.state === job.state ? { queue: before.queue, eta: before.eta } : {}),
			...job,
		};
		this.show();
		if (before && before.state !== job.state) {
			this.on.stateNews(this);
			if (ended(job.state))
				this.look();
		}
		if (before?.state !== job.state)
			this.on.changed(this);
	}

	show() {
		const { job } = this, { progress, state } = job;
		const over = ended(state), finished = state === "FINISHED";
		const hadFocus = this.node.contains(document.activeElement);

		say(this.heading, titleOf(job));
		say(this.chip, this.cancelling && !over ? "Cancelling" : label(state));
		this.chip.className = "state " + state.toLowerCase();
		say(
			this.summary,
			[
				...(job.name ? [rangeOf(job)] : []),
				vehiclesOf(job),
				job.parameters ? some(job.parameters, 5) : "all parameters",
			].join(" \u00b7 "),
		);
		this.showProgress(progress, over);
		say(
			this.error,
			job.error
				? `${sentence(job.error.message)} ${ADVICE[job.error.code] ?? ""}`.trim()
				: "",
		);
		this.download.hidden = !finished;
		this.remove.hidden = !finished;
		this.cancel.hidden = over || this.cancelling;
		this.retry.hidden = !["FAILED", "CANCELLED", "EXPIRED"].includes(state);
		if (!this.question.hidden && this.asked.hidden)
			this.question.hidden = true;
		this.showFacts(job);
		/* The focused element is gone. */
		if (hadFocus && !document.activeElement?.checkVisibility?.())
			this.heading.focus({ preventScroll: true });
	}

	showProgress({ phase, documents, documentsTotal, rows, bytesRead, bytesWritten }, over) {
		const { job } = this;
		const parts = [];

		this.bar.hidden = over;
		if (documentsTotal > 0) {
			this.bar.max = documentsTotal;
			this.bar.value = Math.min(documents, documentsTotal);
		} else {
			this.bar.max = 1;
			this.bar.value = 0;
		}
		this.bar.setAttribute(
			"aria-valuetext",
			`${number(documents)} of ${number(documentsTotal)} documents`,
		);
		if (job.state === "NOT_STARTED") {
			const position = job.queue?.position;

			parts.push(
				position
					? `number ${number(position)} in the queue`
					: job.queue
						? "more than 1,000 exports ahead"
						: "in the queue",
			);
		} else {
			if (!over) parts.push(phase);
			if (documentsTotal > 0)
				parts.push(
					`${number(documents)} of ${many(documentsTotal, "document")}`,
					many(rows, "row"),
					job.size === undefined
						? `${bytes(bytesRead)} read, ${bytes(bytesWritten)} written`
						: bytes(job.size),
				);
		}
		if (!over)
			parts.push(
				job.eta
					? `done in about ${duration(Date.parse(job.eta) - Date.now())}`
					: "time left unknown",
			);
		say(this.counts, parts.join(" \u00b7 "));
	}

	showFacts(job) {
		const { facts } = this, { progress } = job;

		facts.set("Id", job._id);
		if (zoneName !== "UTC")
			facts.set(
				"Range",
				`${local(Date.parse(job.startDate))} to ` +
					`${local(Date.parse(job.endDate))} (exclusive)`,
			);
		facts.set(
			"Range in UTC",
			`${utc(Date.parse(job.startDate))} to ${utc(Date.parse(job.endDate))} (exclusive)`,
		);
		facts.set("Vehicles", namesOf(job.vehicles, job.vehiclesCount, 40, "all"));
		facts.set("Not there, skipped", job.skippedVehicles ? some(job.skippedVehicles, 40) : null);
		facts.set("Parameters", namesOf(job.parameters, job.parametersCount, 40, "all"));
		facts.set("A row for", job.every ? stepsOf(job) : null);
		facts.set("A file for", job.split ? `each ${job.split} in ${job.timeZone}` : null);
		facts.set("Format", formOf(job));
		facts.set("Rows and points", `${number(progress.rows)} and ${number(progress.points)}`);
		facts.set(
			"Read and written",
			`${bytes(progress.bytesRead)} and ${bytes(progress.bytesWritten)}`,
		);
		facts.set("Owner", job.owner ?? null);
		facts.time("Requested", job.createdAt);
		facts.time("Started", job.startedAt);
		facts.time("Ended", job.finishedAt);
		facts.time(job.state === "EXPIRED" ? "Expired" : "Kept until", job.expiresAt);
		facts.set(
			"Size",
			job.size === undefined ? null : `${bytes(job.size)} (${number(job.size)} bytes)`,
		);
		if (job.sha256) say(this.sum, job.sha256);
		this.sumNode ??= el("span", { class: "sum" }, this.sum, " ", this.copy);
		facts.set("SHA-256", job.sha256 ? this.sumNode : null, job.sha256 ?? null);
	}

	/* Once; after a failure again when the details are next opened. */
	async look() {
		if (!this.details.open || this.job.state !== "FINISHED" || this.looked)
			return;
		this.looked = true;
		this.preview.replaceChildren(el("p", { class: "hint" }, "Loading the preview\u2026"));
		try {
			this.preview.replaceChildren(...(await preview(this.id)));
		} catch (e) {
			this.looked = false;
			this.preview.replaceChildren(
				el(
					"p",
					{ class: "hint" },
					`No preview: ${e.message ?? e} Close and open the details to try again.`,
				),
			);
		}
	}

	/* A link is valid for minutes: request the job again, and follow its new link. */
	async fetch() {
		this.busy(this.download, async () => {
			const { json } = await ask("GET", "/export/" + this.id);

			this.update(json);
			if (json.exportUri)
				el("a", { href: json.exportUri, rel: "noreferrer" }).click();
		});
	}

	/* In place of the buttons, until it is answered. */
	confirm(button, question, yes) {
		const back = () => {
			this.question.hidden = true;
			this.actions.hidden = false;
		};
		const sure = el(
			"button",
			{
				type: "button",
				class: "danger",
				onclick: () => {
					back();
					this.end(button);
				},
			},
			yes,
		);
		const no = el(
			"button",
			{
				type: "button",
				onclick: () => {
					back();
					button.focus();
				},
			},
			"No, keep it",
		);

		this.asked = button;
		this.question.replaceChildren(el("span", {}, question), sure, no);
		this.question.setAttribute("aria-label", question);
		this.question.onkeydown = (event) => event.key === "Escape" && no.click();
		this.question.hidden = false;
		this.actions.hidden = true;
		sure.focus();
	}

	/* What becomes of the object, and when, is a setting of the service. */
	async confirmRemoval() {
		const limits = await ask("GET", "/limits").then(({ json }) => json, () => null);
		let question = "Delete this result?";

		if (limits?.deleteRemoves)
			question = "Delete this result for good? Links to it stop working.";
		else if (limits)
			question +=
				` It is removed within ${limits.retentionDays + 2} days; ` +
				"links that were given out work until they end.";
		this.confirm(this.remove, question, "Yes, delete it");
	}

	/* Cancel a waiting or running job; give up the result of a finished one. */
	async end(button) {
		this.heading.focus({ preventScroll: true });
		this.busy(button, async () => {
			const { json } = await ask("DELETE", "/export/" + this.id);

			this.cancelling = Boolean(json) && !ended(json.state);
			this.update(json ?? (await ask("GET", "/export/" + this.id)).json);
			this.show();
		});
	}

	/* The same with a new key; the key stays until there is an answer. */
	async again() {
		this.busy(this.retry, async () => {
			this.key ??= newKey();
			const { _id, vehiclesCount, parametersCount } = this.job;
			const whole = vehiclesCount || parametersCount
				? (await ask("GET", "/export/" + _id)).json
				: this.job;
			const { json, retryAfter } = await create(requestOf(whole), this.key);

			this.key = null;
			this.on.created(json, retryAfter);
		});
	}

	/* The button does nothing while its f runs, and for a second of clicks. */
	async busy(button, f) {
		if (button.getAttribute("aria-disabled") === "true")
			return;
		const rest = new Promise((done) => setTimeout(done, 1000));

		button.setAttribute("aria-disabled", "true");
		say(this.refusal, "");
		try {
			await f();
		} catch (e) {
			say(
				this.refusal,
				(e.message ?? String(e)) + (e.retryAfter ? ` Try again in ${e.retryAfter} s.` : ""),
			);
		}
		await rest;
		button.removeAttribute("aria-disabled");
	}
}
