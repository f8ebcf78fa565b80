// SPDX-License-Identifier: Apache-2.0
// What this tab remembers of one verification, so that a reload loses nothing: the page's own token,
// the answers given so far, the language. It goes with the tab; what was typed goes when it is sent.

export function openStore(id) {
	const name = `bonafide.verify.${id}`;
	let kept = {};

	// A browser may refuse to store anything: then a reload starts over, and all else works.
	try {
		kept = JSON.parse(sessionStorage.getItem(name)) ?? {};
	} catch {
		kept = {};
	}
	return {
		get: (key) => kept[key],
		set(changes) {
			kept = { ...kept, ...changes };
			try {
				sessionStorage.setItem(name, JSON.stringify(kept));
			} catch {
				// As above.
			}
		},
	};
}
