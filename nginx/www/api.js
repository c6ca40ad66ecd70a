/* Requests to the service: JSON in and out, errors as RFC 9457 has them. */

const PATIENCE_MS = 30000;

/* The service, without a slash at its end: a proxy may have it below a path of its own. */
export const base = location.origin + location.pathname.replace(/\/[^/]*$/, "");

/* For nginx's own errors, which have no detail. */
const SENTENCES = {
	0: "The service cannot be reached. Check the connection.",
	401: "The service does not know you. Reload the page to sign in.",
	403: "You may not use the service from here.",
	413: "The request is too long: choose fewer vehicles or parameters.",
	429: "Too many requests within a second.",
	502: "The service is being restarted.",
	503: "The service is busy.",
	504: "The service did not answer in time.",
};

/*
 * An answer that is an error; status 0: there was no answer. retryAfter in seconds, null where it
 * is not given.
 */
export class Problem extends Error {
	constructor(status, body, retryAfter) {
		super(
			sentence(body.detail) ||
				SENTENCES[status] ||
				body.title ||
				"The service answered " + status + ".",
		);
		this.status = status;
		this.body = body;
		this.pointer = typeof body.pointer === "string" ? body.pointer : "";
		this.retryAfter = retryAfter;
	}

	/* Whether the same request may succeed soon. */
	get passes() {
		return [0, 409, 429, 502, 503, 504].includes(this.status);
	}
}

export function sentence(text) {
	text = typeof text === "string" ? text.trim() : "";
	return text && text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

/*
 * ask(method, path, {body, headers, etag, signal}): {status, json, etag, retryAfter}; json is null
 * where nothing has changed since etag, and of an answer without a body. Throws Problem, and
 * AbortError where signal is aborted.
 */
export async function ask(method, path, { body, headers = {}, etag, signal } = {}) {
	const timeout = new AbortController();
	const timer = setTimeout(() => timeout.abort(), PATIENCE_MS);
	const stop = () => timeout.abort();
	const all = { Accept: "application/json", ...headers };

	if (body !== undefined) all["Content-Type"] = "application/json";
	if (etag) all["If-None-Match"] = etag;
	signal?.addEventListener("abort", stop);
	try {
		const got = await fetch(base + path, {
			method,
			body,
			headers: all,
			cache: "no-store",
			signal: timeout.signal,
		});
		const text = await got.text();

		return answer(got, text);
	} catch (e) {
		if (signal?.aborted)
			throw new DOMException("no longer wanted", "AbortError");
		throw e instanceof Problem ? e : new Problem(0, {}, null);
	} finally {
		clearTimeout(timer);
		signal?.removeEventListener("abort", stop);
	}
}

function answer(got, text) {
	const after = got.headers.get("Retry-After") ?? "";
	const retryAfter = /^\d+$/.test(after) ? Number(after) : null;
	let json = null;

	try {
		json = text === "" ? null : JSON.parse(text);
	} catch {
		if (got.ok)
			throw new Problem(502, { detail: "the answer is not valid JSON" }, retryAfter);
	}
	if (!got.ok && got.status !== 304)
		throw new Problem(got.status, json && typeof json === "object" ? json : {}, retryAfter);
	return { status: got.status, json, etag: got.headers.get("ETag"), retryAfter };
}

/*
 * One job, durable: the same key with each attempt, so that a lost answer makes no second job.
 * Errors that pass within moments are waited out here; the rest are thrown.
 */
export async function create(body, key) {
	for (let attempt = 1; ; attempt++) {
		try {
			return await ask("POST", "/export", { body, headers: { "Idempotency-Key": key } });
		} catch (e) {
			if (![0, 409, 502, 504].includes(e.status) || attempt === 3) throw e;
			await new Promise((done) =>
				setTimeout(done, 1000 * Math.max(e.retryAfter ?? 0, attempt)),
			);
		}
	}
}

/* Not crypto.randomUUID(), which is missing over plain http. */
export function newKey() {
	return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
		byte.toString(16).padStart(2, "0"),
	).join("");
}
