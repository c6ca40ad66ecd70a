/* Elements. Outside text becomes only text nodes and attribute values: no name can be markup. */

/*
 * el("button", {type: "button", onclick: f}, "Text", child, ...): null and undefined attributes and
 * children are left out.
 */
export function el(tag, attributes = {}, ...children) {
	return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
	return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes)) {
		if (name.startsWith("on"))
			node.addEventListener(name.slice(2), value);
		else if (value === true)
			node.setAttribute(name, "");
		else if (value !== null && value !== undefined && value !== false)
			node.setAttribute(name, value);
	}
	node.append(...children.filter((child) => child !== null && child !== undefined));
	return node;
}

export const byId = (id) => document.getElementById(id);

/* Written only when it differs: a live region speaks when it is written. */
export function say(node, text) {
	if (node.textContent !== text)
		node.textContent = text;
}

/* later(f, ms): a function that calls f once it has not been called for ms. */
export function later(f, ms) {
	let timer;

	return (...args) => {
		clearTimeout(timer);
		timer = setTimeout(f, ms, ...args);
	};
}

/* A button that copies what text() gives, which node shows, and says so. */
export function copies(button, text, node) {
	const label = button.textContent;

	button.addEventListener("click", async () => {
		let done = true;

		try {
			await navigator.clipboard.writeText(text());
		} catch {
			/* Without https only the old clipboard works, which takes the selection. */
			node.select ? node.select() : getSelection().selectAllChildren(node);
			done = document.execCommand("copy");
		}
		button.textContent = done ? "Copied" : "Not copied; select and copy it";
		setTimeout(() => { button.textContent = label; }, 2000);
	});
}
