// SPDX-License-Identifier: Apache-2.0
// Makes elements. What is given as text stays text: nothing here reads markup.

const SVG = 'http://www.w3.org/2000/svg';

// el('p', { class: 'hint', onclick: f }, 'text', child): attributes that are null or false are left
// out, those that are true stand alone; children that are null or false are left out too.
export function el(name, attributes = {}, ...children) {
	const node = document.createElement(name);
	for (const [key, value] of Object.entries(attributes)) {
		if (key.startsWith('on'))
			node.addEventListener(key.slice(2), value);
		else if (value !== null && value !== undefined && value !== false)
			node.setAttribute(key, value === true ? '' : value);
	}
	node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
	return node;
}

// One of the symbols of index.html; only for the eye.
export function icon(name, kind) {
	const svg = document.createElementNS(SVG, 'svg');
	const use = document.createElementNS(SVG, 'use');
	use.setAttribute('href', `#icon-${name}`);
	svg.setAttribute('class', `icon ${kind}`);
	svg.setAttribute('aria-hidden', 'true');
	svg.setAttribute('focusable', 'false');
	svg.append(use);
	return svg;
}

export function button(text, onclick, kind = 'main') {
	return el('button', { type: 'button', class: `button ${kind}`, onclick }, text);
}
