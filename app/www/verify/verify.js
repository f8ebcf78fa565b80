// SPDX-License-Identifier: Apache-2.0
// The hosted page of one verification session, at /verify/{id}: where it stands, what comes next.
// What the person sees is in screens.js, what is asked in facts.js, every sentence in texts.js.
import { Refused, makeApi } from './api.js';
import { button, el } from './dom.js';
import {
	answersOf, documentFields, faultsOf, fieldOfMember, findType, personFields, screensOf, submission,
} from './facts.js';
import { labelOf } from './form.js';
import * as screens from './screens.js';
import { openStore } from './store.js';
import { chooseLanguage, languages, translator } from './texts.js';

const POLLS_MS = [700, 1000, 1500, 2000, 3000, 5000, 8000, 10000];
const LATE_MS = 45000;
const LEAVE_S = 5;
const ID = /^vs_[0-7][0-9a-hjkmnp-tv-z]{25}$/;

const id = location.pathname.split('/')[2] ?? '';
const store = openStore(id);
const at = (name) => document.getElementById(name);
const api = makeApi(id, {
	slow: () => notify(page.t('slow')),
	unreachable: (tryNow) => notify(page.t(navigator.onLine ? 'unreachable' : 'offline'), tryNow),
	clear: () => at('notice').replaceChildren(),
});
const timers = {};

// Everything a screen may read, and what its buttons do.
const page = {
	info: null, options: [], values: {}, selected: [], faults: {}, late: false, leaving: 0,
	screen: screens.loading, step: null, language: 'en', t: translator('en'),

	get org() {
		return page.info?.organization_name ?? page.t('org');
	},
	// What is shared: the required claims and the ticked ones, in the API's order.
	get claims() {
		return (page.info?.consent ?? []).filter((item) => item.required || page.selected.includes(item.claim))
			.map((item) => item.claim);
	},
	get steps() {
		return screensOf(page.info.steps);
	},
	change(name, value) {
		page.values = { ...page.values, [name]: value };
		if (name === 'country')
			page.values.id_type = '';
		delete page.faults[name];
		store.set({ values: page.values });
	},
	select(claims) {
		page.selected = claims;
		store.set({ selected: claims });
	},
	redraw(focused) {
		draw(false);
		at(focused)?.focus();
	},
	goTo: (step) => enter(step, true),
	back: () => enter(page.steps[page.steps.indexOf(page.step) - 1], true),
	next: () => leave(page.step),
	send: () => guarded(send),
	retry: () => guarded(retry),
	load: () => guarded(load),
	takeOver: () => guarded(takeOver),
	cancel: () => guarded(cancel),
	stay() {
		clearInterval(timers.leave);
		page.leaving = 0;
		draw(true);
	},
};

// ---- drawing -----------------------------------------------------------------------------------------

function notify(text, tryNow = null) {
	at('notice').replaceChildren(el('div', { class: 'notice' }, el('p', {}, text),
		tryNow && button(page.t('tryNow'), tryNow, 'plain small')));
}

function drawProgress() {
	const count = page.steps?.length ?? 0;
	const step = page.steps.indexOf(page.step) + 1;
	const name = page.t({ consent: 'stepConsent', document: 'stepDocument', person: 'stepPerson', review: 'stepReview' }[page.step]);
	const words = page.t('stepOf', { step, steps: count, name });

	at('progress').replaceChildren(el('p', { id: 'progress-words' }, words),
		el('progress', { max: count, value: step, 'aria-labelledby': 'progress-words' }));
	return words;
}

function drawFrame() {
	const { t, info } = page;
	const open = info !== null && !info.is_terminal && page.screen !== screens.unknown;

	document.documentElement.lang = page.language;
	document.title = info?.organization_name ? t('titleFor', { org: page.org }) : t('title');
	at('asker').textContent = info?.organization_name ?? t('title');
	at('languages').setAttribute('aria-label', t('languages'));
	at('languages').replaceChildren(...Object.keys(languages).map((language) => el('button', {
		type: 'button', lang: language, 'aria-pressed': String(language === page.language),
		onclick: () => setLanguage(language, true),
	}, translator(language)('language'))));
	at('footer').replaceChildren(...(open ? [
		el('p', {}, t('until', {
			time: new Intl.DateTimeFormat(page.language, { dateStyle: 'medium', timeStyle: 'short' })
				.format(new Date(info.expires_at)),
		})),
		button(t('cancel'), askCancel, 'plain small'),
	] : []));
}

// moved: this is another screen, so the focus goes to its beginning, and readers hear where they are.
function draw(moved) {
	let words = '';

	drawFrame();
	at('progress').hidden = page.step === null;
	if (page.step !== null)
		words = drawProgress();
	at('screen').replaceChildren(...page.screen(page).flat().filter(Boolean));
	at('screen').className = page.step ?? 'alone';
	if (!moved)
		return;
	at('live').textContent = words;
	scrollTo(0, 0);
	(at('summary') ?? at('screen').querySelector('h1')).focus();
}

function show(screen, more = {}) {
	clearInterval(timers.leave);
	Object.assign(page, { step: null, faults: {}, leaving: 0 }, more);
	page.screen = screen;
	draw(true);
}

function setLanguage(language, chosen) {
	page.language = language;
	page.t = translator(language);
	if (chosen) {
		store.set({ language });
		page.faults = Object.fromEntries(Object.entries(page.keys ?? {}).filter(([name]) => name in page.faults)
			.map(([name, key]) => [name, sentence(name, key)]));
		draw(false);
		at('languages').querySelector('[aria-pressed="true"]').focus();
	}
}

// ---- the steps of the form ---------------------------------------------------------------------------

const stepScreens = {
	consent: screens.consent, document: screens.documentScreen, person: screens.person, review: screens.review,
};

const sentence = (name, key) => page.t(key, { label: labelOf(name, page.t) });

function complain(faults) {
	page.keys = Object.fromEntries(faults.map(({ name, key }) => [name, key]));
	page.faults = Object.fromEntries(faults.map(({ name, key }) => [name, sentence(name, key)]));
	draw(true);
}

function fieldsOf(step) {
	const type = findType(page.options, page.values);

	return { document: documentFields, person: personFields(type, page.claims) }[step] ?? [];
}

function enter(step, pushed) {
	store.set({ step, attempt: page.info.next_attempt });
	if (pushed)
		history.pushState({ step }, '');
	else
		history.replaceState({ step }, '');
	show(stepScreens[step], { step });
}

// On from a step, unless something in it is at fault.
function leave(step) {
	const faults = faultsOf(fieldsOf(step), page.values, findType(page.options, page.values));

	if (faults.length > 0)
		complain(faults);
	else
		enter(page.steps[page.steps.indexOf(step) + 1], true);
}

// The browser's own back and forward.
addEventListener('popstate', (event) => {
	if (page.step !== null && page.steps.includes(event.state?.step))
		enter(event.state.step, false);
});

// ---- where the session stands ------------------------------------------------------------------------

// What was typed stays until it is sent; on the first visit what the business sent is there already.
function resume() {
	const fresh = store.get('attempt') !== page.info.next_attempt;

	page.values = store.get('values') ?? page.values;
	page.selected = store.get('selected') ?? [];
	if (Object.keys(page.values).length === 0)
		page.values = answersOf(page.info.applicant);
	if (fresh && page.info.next_attempt > 1)
		return show(screens.failed);
	// A step is gone back to only when all before it is in order.
	const wanted = store.get('step') ?? 'consent';
	const type = findType(page.options, page.values);
	const wrong = page.steps.find((step) => faultsOf(fieldsOf(step), page.values, type).length > 0);
	const furthest = Math.min(...[wanted, wrong].filter(Boolean).map((step) => page.steps.indexOf(step)));
	return enter(page.steps[Math.max(furthest, 0)], false);
}

// To the screen that fits what the server said.
async function follow(info, moved = true) {
	clearTimeout(timers.poll);
	clearTimeout(timers.end);
	page.info = info;
	if (info.is_terminal)
		return finish();
	timers.end = setTimeout(page.load, Math.min(new Date(info.expires_at) - Date.now() + 1000, 2 ** 31 - 1));
	if (info.status === 'in_progress')
		return wait(moved);
	if (page.options.length === 0)
		page.options = (await api.options(store.get('token'))).id_types;
	return resume();
}

function wait(moved) {
	if (moved) {
		Object.assign(page, { polls: 0, late: false });
		timers.waiting = Date.now();
		show(screens.checking);
	} else if (!page.late && Date.now() - timers.waiting > LATE_MS) {
		page.late = true;
		draw(true);
	}
	timers.poll = setTimeout(() => guarded(async () => follow(await api.status(store.get('token')), false)),
		POLLS_MS[Math.min(page.polls++, POLLS_MS.length - 1)]);
}

// Who was here when it ended is taken back; who opens an old link is only shown the way.
function finish() {
	const came = Boolean(store.get('token'));

	store.set({ values: undefined, step: undefined });
	page.values = {};
	show(screens.ended);
	if (!came || !page.info.redirect_url)
		return;
	page.leaving = LEAVE_S;
	draw(true);
	timers.leave = setInterval(() => {
		page.leaving--;
		if (page.leaving > 0) {
			at('countdown').textContent = page.t('goOnSoon', { org: page.org, n: page.leaving });
			return;
		}
		clearInterval(timers.leave);
		location.replace(page.info.redirect_url);
	}, 1000);
}

async function begin() {
	const { token } = await api.start();

	store.set({ token });
	return api.status(token);
}

async function load() {
	show(screens.loading);
	let info = await api.status(store.get('token'));
	page.info = info;
	setLanguage(chooseLanguage([store.get('language'), info.language, ...navigator.languages]), false);
	if (!info.is_terminal && !store.get('token'))
		info = await begin();
	await follow(info);
}

async function takeOver() {
	store.set({ token: undefined });
	await load();
}

// ---- what the person does ------------------------------------------------------------------------------

// The members that the server refused, as faults of the first step that has one of them.
function refusedFaults(error) {
	const unsupported = error.code === 'UNSUPPORTED_ID_TYPE' ? [{ name: 'id_type', key: 'errUnsupported' }] : [];
	const named = error.fields.filter((member) => member in fieldOfMember)
		.map((member) => ({ name: fieldOfMember[member], key: 'errServer' }));
	const faults = [...unsupported, ...named];
	const step = ['document', 'person'].find((name) =>
		fieldsOf(name).some((field) => faults.some((fault) => fault.name === field.name)));

	return step === undefined ? null
		: { step, faults: faults.filter((fault) => fieldsOf(step).some((field) => field.name === fault.name)) };
}

async function send() {
	// The second click of a double one comes when the first has been seen to.
	if (page.step !== 'review')
		return;
	const type = findType(page.options, page.values);
	const body = submission(id, page.info.next_attempt, page.values, type, page.claims);

	at('go').setAttribute('aria-disabled', 'true');
	at('go').textContent = page.t('sending');
	at('live').textContent = page.t('sending');
	try {
		const info = await api.submit(store.get('token'), body);
		store.set({ values: undefined, step: undefined });
		await follow(info);
	} catch (error) {
		const refused = error.status === 400 ? refusedFaults(error) : null;
		if (refused === null)
			throw error;
		enter(refused.step, true);
		complain(refused.faults);
	}
}

// Another attempt begins where the answers are; they are still here unless the page was reloaded.
async function retry() {
	if (page.screen !== screens.failed)
		return;
	store.set({ values: page.values, selected: page.selected });
	enter(page.steps[1], false);
}

function askCancel() {
	const dialog = screens.sureDialog(page);

	document.body.append(dialog);
	dialog.showModal();
}

async function cancel() {
	await api.cancel(store.get('token'), store.get('cancelToken'));
	await follow(await api.status(store.get('token')));
}

// ---- what can go wrong -----------------------------------------------------------------------------------

let queue = Promise.resolve();

// One thing after the other; what goes wrong is shown, never swallowed.
function guarded(action) {
	queue = queue.then(action).catch(refused);
	return queue;
}

async function refused(error) {
	clearTimeout(timers.poll);
	if (!(error instanceof Refused)) {
		show(screens.fault);
		throw error;
	}
	if (error.status === 401)
		return show(screens.elsewhere);
	if (error.code === 'INVALID_SESSION_ID' || error.status === 404)
		return show(screens.unknown);
	// It ended, or went on, while the page showed something else.
	if (error.status === 409 || error.status === 410) {
		const again = await api.status(store.get('token')).catch(() => null);
		if (again !== null && (again.is_terminal || again.status !== page.info?.status))
			return follow(again);
	}
	return show(screens.fault);
}

// The link of the create answer carries the right to cancel: kept here, and out of the address bar.
function takeCancelToken() {
	const address = new URL(location.href);
	const token = address.searchParams.get('cancel_token');

	if (token === null)
		return;
	store.set({ cancelToken: token });
	address.searchParams.delete('cancel_token');
	history.replaceState(history.state, '', address);
}

setLanguage(chooseLanguage([store.get('language'), ...navigator.languages]), false);
takeCancelToken();
if (ID.test(id))
	page.load();
else
	show(screens.unknown);
