// SPDX-License-Identifier: Apache-2.0
// Talks to /v1/verify-session/{id}/ of this very host. Every request may be sent again: those that
// change something say which attempt they are about, or ask for what is already so.

const TIMEOUT_MS = 20000;
const SLOW_MS = 3000;
const WAITS_MS = [1000, 2000, 4000, 8000, 15000];
const AGAIN = [429, 502, 503, 504];

// The server understood, and said no. fields: the members of the body that it found fault with.
export class Refused extends Error {
	constructor(status, error) {
		super(error?.code ?? `status ${status}`);
		this.status = status;
		this.code = error?.code ?? '';
		// "id_number has not the form …; country must …": each fault begins with its member.
		this.fields = (error?.hint ?? '').split('; ').map((fault) => fault.split(' ')[0]);
	}
}

class Unreachable extends Error {
	constructor(afterMs) {
		super('unreachable');
		this.afterMs = afterMs;
	}
}

async function once(url, method, token, body) {
	const headers = { Accept: 'application/json' };
	let answer, text;

	if (token)
		headers.Authorization = `Bearer ${token}`;
	if (body)
		headers['Content-Type'] = 'application/json';
	try {
		answer = await fetch(url, {
			method, headers, body: body && JSON.stringify(body), cache: 'no-store', credentials: 'omit',
			signal: AbortSignal.timeout(TIMEOUT_MS),
		});
		text = await answer.text();
	} catch {
		throw new Unreachable(0);
	}
	if (AGAIN.includes(answer.status))
		throw new Unreachable(1000 * (Number(answer.headers.get('Retry-After')) || 0));
	let content = {};
	try {
		content = text ? JSON.parse(text) : {};
	} catch {
		throw new Refused(500, null);
	}
	if (!answer.ok)
		throw new Refused(answer.status, content.error);
	return content.data ?? null;
}

// Waits, less long when the network comes back or the person says so.
function pause(ms, notice) {
	return new Promise((resolve) => {
		const done = () => {
			clearTimeout(timer);
			removeEventListener('online', done);
			resolve();
		};
		const timer = setTimeout(done, ms);
		addEventListener('online', done);
		notice.unreachable(done);
	});
}

// notice: what tells the person of a slow or absent network: slow(), unreachable(tryNow), clear().
export function makeApi(id, notice) {
	const base = `/v1/verify-session/${encodeURIComponent(id)}/`;

	async function call(method, name, token = null, body = null) {
		for (let round = 0; ; round++) {
			const slow = setTimeout(notice.slow, SLOW_MS);
			try {
				const data = await once(base + name, method, token, body);
				notice.clear();
				return data;
			} catch (error) {
				if (!(error instanceof Unreachable)) {
					notice.clear();
					throw error;
				}
				const wait = WAITS_MS[Math.min(round, WAITS_MS.length - 1)];
				clearTimeout(slow);
				await pause(Math.max(error.afterMs, wait * (1 + Math.random() / 4)), notice);
			} finally {
				clearTimeout(slow);
			}
		}
	}

	return {
		start: () => call('POST', 'start'),
		status: (token) => call('GET', 'status', token),
		options: (token) => call('GET', 'options', token),
		submit: (token, body) => call('POST', 'submit', token, body),
		cancel: (token, cancelToken) =>
			call('POST', 'cancel', token, token ? null : { cancel_token: cancelToken }),
	};
}
