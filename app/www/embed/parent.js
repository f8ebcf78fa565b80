// SPDX-License-Identifier: Apache-2.0
// Tells the page around this one, or the one that opened it, how the check goes (contract/age.md, Embed):
// {type, data}, to an origin of the application's own and to no other.

const around = () => {
	if (window.parent !== window)
		return window.parent;
	return window.opener;
};

// Who is around, as far as the browser says; null: it does not.
function originAround() {
	if (window.parent !== window && location.ancestorOrigins?.length > 0)
		return location.ancestorOrigins[0];
	try {
		return document.referrer ? new URL(document.referrer).origin : null;
	} catch {
		return null;
	}
}

// origins: those that may be told. Where the browser does not say who is around, each of them is named
// as the receiver: a message reaches only a page of the origin that it is for.
export function makeParent(origins) {
	const known = originAround();
	const receivers = origins.includes(known) ? [known] : known === null ? origins : [];

	return (type, data = {}) => {
		for (const origin of receivers)
			around()?.postMessage({ type, data }, origin);
	};
}
