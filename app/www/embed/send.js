// SPDX-License-Identifier: Apache-2.0
// Talks to /v1/verify/ of this very host with the publishable key. A request that may be repeated is, as
// long as the host is not reached; an attempt that was sent twice is one, by its Idempotency-Key.

const TIMEOUT_MS = 30000;
const UPLOAD_TIMEOUT_MS = 10 * 60000;
const SLOW_MS = 5000;
const WAITS_MS = [1000, 2000, 4000, 8000, 15000];
const BUSY = [429, 503];
const AGAIN = [0, 409, 500, 502, 504, ...BUSY];
const FRESH_MS = 5 * 60000;

// The server understood, and said no.
export class Refused extends Error {
	constructor(status, error, kind = null) {
		super(error);
		this.status = status;
		this.error = error;
		this.kind = kind; // which upload it is about
	}
}

// The person stopped meanwhile.
export class Stopped extends Error {}

// One request; XMLHttpRequest, as fetch() does not tell how much of a body has gone. status 0: no answer.
function ask({ method, path, headers, body, timeout, sent, signal }) {
	return new Promise((resolve) => {
		const request = new XMLHttpRequest();
		const end = () => resolve({
			status: request.status, text: request.responseText,
			afterMs: 1000 * (Number(request.getResponseHeader('Retry-After')) || 0),
		});

		request.open(method, path);
		request.timeout = timeout ?? TIMEOUT_MS;
		for (const [name, value] of Object.entries({ Accept: 'application/json', ...headers }))
			request.setRequestHeader(name, value);
		if (sent)
			request.upload.onprogress = (event) => sent(event.loaded);
		request.onloadend = end;
		signal.addEventListener('abort', () => request.abort(), { once: true });
		request.send(body ?? null);
	});
}

// Waits, less long when the network comes back, or the person says so or stops.
function pause(ms, busy, notice, signal) {
	return new Promise((resolve) => {
		const done = () => {
			clearTimeout(timer);
			removeEventListener('online', done);
			resolve();
		};
		const timer = setTimeout(done, ms);
		addEventListener('online', done);
		signal.addEventListener('abort', done, { once: true });
		notice.unreachable(busy, done);
	});
}

function content(answer) {
	try {
		return JSON.parse(answer.text);
	} catch {
		return {};
	}
}

const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)),
	(byte) => byte.toString(16).padStart(2, '0')).join('');

// notice: what tells the person of a slow, full or absent network: slow(), unreachable(busy, tryNow), clear().
export function makeApi(key, notice) {
	let stopper = new AbortController();

	function endIfStopped(signal) {
		if (!signal.aborted)
			return;
		notice.clear();
		throw new Stopped();
	}

	async function call(request) {
		const { signal } = stopper;

		for (let round = 0; ; round++) {
			const slow = setTimeout(notice.slow, SLOW_MS);
			const answer = await ask({ ...request, headers: { 'X-API-Key': key, ...request.headers }, signal });

			clearTimeout(slow);
			endIfStopped(signal);
			if (!AGAIN.includes(answer.status)) {
				notice.clear();
				if (answer.status < 300)
					return content(answer).data ?? {};
				throw new Refused(answer.status, content(answer).error ?? '', request.kind);
			}
			const wait = WAITS_MS[Math.min(round, WAITS_MS.length - 1)];
			await pause(Math.max(answer.afterMs, wait * (1 + Math.random() / 4)), BUSY.includes(answer.status), notice, signal);
			endIfStopped(signal);
		}
	}

	return {
		// What is on its way ends as Stopped; what comes after is a new beginning.
		stop() {
			stopper.abort();
			stopper = new AbortController();
		},

		config: () => call({ method: 'GET', path: '/v1/verify/embed-config' }),

		// Sends what was not sent yet, or would be purged soon; sent(bytes of all).
		async upload(shots, sent) {
			let before = 0;

			for (const shot of shots) {
				if (!shot.uploadId || new Date(shot.expiresAt) - Date.now() < FRESH_MS)
					Object.assign(shot, await call({
						method: 'POST', path: '/v1/verify/uploads', kind: shot.kind, body: shot.blob,
						headers: { 'Content-Type': shot.blob.type }, timeout: UPLOAD_TIMEOUT_MS,
						sent: (bytes) => sent(before + bytes),
					}));
				before += shot.blob.size;
				sent(before);
			}
		},

		// However often it is sent until there is an answer, it is one submission.
		submit: (values) => call({
			method: 'POST', path: '/v1/verify/submit', body: JSON.stringify(values),
			headers: { 'Content-Type': 'application/json', 'Idempotency-Key': random() },
		}),
	};
}
