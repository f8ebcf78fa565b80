// SPDX-License-Identifier: Apache-2.0
// The page of an age check, at /embed?key=…&external_id=…&level=…, in a frame of the business's own page.
// What the person sees is in screens.js, every sentence in texts.js. Nothing is stored: what was taken and
// typed is in this page's memory, goes when it is closed, and is sent when the person says so.
import { button, el } from '../verify/dom.js';
import { birthDate, documentFields, faultsOf, trimmed } from '../verify/facts.js';
import { labelOf } from '../verify/form.js';
import { sureDialog } from '../verify/screens.js';
import { chooseLanguage, languages } from '../verify/texts.js';
import { Unusable, canRecord, closeCamera, film, hasPicture, openCamera, photoFile, photoOf, videoFile } from './capture.js';
import { makeParent } from './parent.js';
import * as screens from './screens.js';
import { Refused, Stopped, makeApi } from './send.js';
import { translator } from './texts.js';

const EXTERNAL_ID = /^[A-Za-z0-9._:@-]{1,128}$/;
const PERSON = ['first_name', 'last_name', 'birth'].map((name) => ({ name, must: true }));
// Where no register is asked, any number will do.
const ANY_NUMBER = '.*';

const asked = new URLSearchParams(location.search);
const at = (name) => document.getElementById(name);
const api = makeApi(asked.get('key') ?? '', {
	slow: () => notify(page.t('slow')),
	unreachable: (busy, tryNow) => notify(page.t(busy ? 'busy' : navigator.onLine ? 'unreachable' : 'offline'), tryNow),
	clear: () => at('notice').replaceChildren(),
});
let tell = () => null;

const closed = () => ({ stream: null, trouble: null, opening: false, filming: false });

// Everything a screen may read, and what its buttons do.
const page = {
	config: null, level: null, values: {}, keys: {}, faults: {}, shots: {}, camera: closed(), wrong: '', returns: false, mayStop: false,
	screen: screens.loading, step: null, language: 'en', t: translator('en'),

	get org() {
		return page.config?.organizationName ?? page.t('org');
	},
	// What can be shown for the country that was chosen: what is named for it is the better row.
	get documents() {
		const own = page.config.documents.filter(({ country }) => country === page.values.country);

		return [...own, ...page.config.documents.filter(({ country, type }) =>
			country === null && !own.some((row) => row.type === type))];
	},
	get document() {
		return page.documents.find(({ type }) => type === page.values.id_type) ?? null;
	},
	// What is to be taken: of some documents the back is of no use.
	get kinds() {
		return page.level.uploads.filter((kind) => kind !== 'idBack' || page.document?.back !== false);
	},
	get steps() {
		return ['consent', ...(page.level.document ? ['document', 'person'] : []), ...page.kinds, 'review'];
	},
	change(name, value) {
		page.values = { ...page.values, [name]: value };
		delete page.faults[name];
	},
	redraw(focused) {
		draw(false);
		at(focused)?.focus();
	},
	// Who changes one thing is not led through all of it again.
	goTo(step) {
		page.returns = true;
		enter(step);
	},
	back: () => enter(page.steps[page.steps.indexOf(page.step) - 1]),
	next: () => leave(page.step),
	open: () => guarded(open),
	shut() {
		shutCamera();
		draw(true);
	},
	shoot: () => guarded(shoot),
	pick: (file) => guarded(() => pick(file)),
	drop() {
		dropShot(page.step);
		draw(true);
	},
	send: () => guarded(send),
	cancel,
	restart,
	lookAgain: () => enter('review'),
};

// ---- drawing -----------------------------------------------------------------------------------------

function notify(text, tryNow = null) {
	at('notice').replaceChildren(el('div', { class: 'notice' }, el('p', {}, text),
		tryNow && button(page.t('tryNow'), tryNow, 'plain small')));
}

function drawProgress() {
	const count = page.steps.length;
	const step = page.steps.indexOf(page.step) + 1;
	const name = page.t(`step${page.step[0].toUpperCase()}${page.step.slice(1)}`);
	const words = page.t('stepOf', { step, steps: count, name });

	at('progress').replaceChildren(el('p', { id: 'progress-words' }, words),
		el('progress', { max: count, value: step, 'aria-labelledby': 'progress-words' }));
	return words;
}

function drawFrame() {
	const { t } = page;

	document.documentElement.lang = page.language;
	document.title = page.config ? t('titleFor', { org: page.org }) : t('title');
	at('asker').textContent = page.config?.organizationName ?? t('title');
	at('languages').setAttribute('aria-label', t('languages'));
	at('languages').replaceChildren(...Object.keys(languages).map((language) => el('button', {
		type: 'button', lang: language, 'aria-pressed': String(language === page.language),
		onclick: () => setLanguage(language),
	}, languages[language].language)));
	at('footer').replaceChildren(...(page.step === null && !page.mayStop ? [] : [button(t('cancel'), askCancel, 'plain small')]));
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
	Object.assign(page, { step: null, keys: {}, faults: {}, mayStop: false }, more);
	page.screen = screen;
	draw(true);
}

function setLanguage(language) {
	page.language = language;
	page.t = translator(language);
	page.faults = Object.fromEntries(Object.keys(page.faults).map((name) => [name, sentence(name)]));
	draw(false);
	at('languages').querySelector('[aria-pressed="true"]').focus();
}

// ---- the steps ---------------------------------------------------------------------------------------

const stepScreens = {
	consent: screens.consent, document: screens.documentScreen, person: screens.person,
	selfie: screens.capture('selfie'), idFront: screens.capture('idFront'), idBack: screens.capture('idBack'),
	video: screens.capture('video'), review: screens.review,
};

const sentence = (name) => page.t(page.keys[name], { label: labelOf(name, page.t) });

function complain(faults) {
	page.keys = Object.fromEntries(faults.map(({ name, key }) => [name, key]));
	page.faults = Object.fromEntries(faults.map(({ name }) => [name, sentence(name)]));
	draw(true);
}

function faultsIn(step) {
	if (step === 'consent')
		return page.values.consent ? [] : [{ name: 'consent', key: 'errConsent' }];
	return faultsOf({ document: documentFields, person: PERSON }[step] ?? [], page.values,
		page.document && { pattern: page.document.pattern ?? ANY_NUMBER });
}

const isDone = (step) => (step in page.shots || !page.level.uploads.includes(step)) && faultsIn(step).length === 0;

function enter(step) {
	shutCamera();
	if (step === 'review')
		page.returns = false;
	show(stepScreens[step], { step });
}

// On from a step, unless something in it is at fault; of who came from the review, to what is missing.
function leave(step) {
	const faults = faultsIn(step);

	if (faults.length > 0)
		return complain(faults);
	if (step === 'consent')
		tell('ae:started', { level: page.level.level });
	const after = page.steps.slice(page.steps.indexOf(step) + 1);
	return enter(page.returns ? after.find((next) => !isDone(next)) ?? 'review' : after[0]);
}

// ---- camera and files --------------------------------------------------------------------------------

function shutCamera() {
	closeCamera(page.camera.stream);
	page.camera = closed();
}

function dropShot(kind) {
	if (page.shots[kind])
		URL.revokeObjectURL(page.shots[kind].url);
	delete page.shots[kind];
}

function keep(kind, blob) {
	shutCamera();
	page.shots[kind] = { kind, blob, url: URL.createObjectURL(blob) };
	draw(true);
	at('live').textContent = page.t('takenLive');
}

function trouble(error) {
	if (!(error instanceof Unusable))
		throw error;
	shutCamera();
	page.camera.trouble = error.key;
	draw(true);
}

async function open() {
	const { step } = page;

	if (page.camera.stream || page.camera.opening)
		return;
	if (step === 'video' && !canRecord())
		return trouble(new Unusable('cameraFilm'));
	page.camera = { ...closed(), opening: true };
	draw(false);
	try {
		const stream = await openCamera(step === 'selfie' || step === 'video' ? 'user' : 'environment');
		// The person went elsewhere while the browser asked.
		if (page.step !== step || !page.camera.opening)
			return closeCamera(stream);
		page.camera = { ...closed(), stream };
		for (const track of stream.getTracks())
			track.addEventListener('ended', () => page.camera.stream === stream && trouble(new Unusable('cameraBusy')));
		draw(true);
		at('go').focus();
	} catch (error) {
		trouble(error);
	}
}

// The seconds are seen; a reader hears how it begins and how it ends.
function countDown(left) {
	const words = at('countdown');

	if (words)
		words.textContent = page.t('filming', { n: left });
}

async function shoot() {
	const { step } = page;
	const { stream } = page.camera;
	const picture = at('live-picture');

	if (!stream || page.camera.filming)
		return;
	try {
		await hasPicture(picture);
		// Closed meanwhile.
		if (page.camera.stream !== stream)
			return;
		if (step !== 'video')
			return keep(step, await photoOf(picture));
		page.camera.filming = true;
		at('go').setAttribute('aria-disabled', 'true');
		at('live').textContent = page.t('filmingStarts');
		const blob = await film(stream, countDown);
		if (blob !== null && page.step === step)
			keep(step, blob);
	} catch (error) {
		trouble(error);
	}
}

async function pick(file) {
	const { step } = page;

	try {
		const blob = await (step === 'video' ? videoFile : photoFile)(file);
		if (page.step === step)
			keep(step, blob);
	} catch (error) {
		trouble(error);
	}
}

addEventListener('pagehide', () => closeCamera(page.camera.stream));

// ---- sending -----------------------------------------------------------------------------------------

function submission() {
	const { values } = page;
	const body = {
		externalId: asked.get('external_id'), level: page.level.level, consent: true,
		uploads: Object.fromEntries(page.kinds.map((kind) => [kind, page.shots[kind].uploadId])),
	};

	if (page.level.document)
		body.document = {
			country: values.country, type: values.id_type, number: trimmed(values, 'id_number'),
			firstName: trimmed(values, 'first_name'), lastName: trimmed(values, 'last_name'),
			dateOfBirth: birthDate(values),
		};
	return body;
}

function showSent(bytes, all) {
	const percent = Math.min(100, Math.floor(100 * bytes / all));

	if (page.screen !== screens.sending)
		return;
	at('sent').value = percent;
	at('sent-words').textContent = page.t('sentOf', { n: percent });
}

async function sendOnce() {
	const shots = page.kinds.map((kind) => page.shots[kind]);
	const all = shots.reduce((sum, shot) => sum + shot.blob.size, 0);

	await api.upload(shots, (bytes) => showSent(bytes, all));
	// From here on nobody could say whether it was stopped in time.
	closeDialog();
	page.mayStop = false;
	drawFrame();
	return api.submit(submission());
}

async function send() {
	// The second click of a double one comes when the first has been seen to.
	if (page.step !== 'review')
		return;
	show(screens.sending, { mayStop: true });
	let answer;
	try {
		answer = await sendOnce();
	} catch (error) {
		// What was sent long ago has been thrown away: once more, then.
		if (!(error instanceof Refused) || error.status !== 404 || error.kind !== null)
			throw error;
		Object.values(page.shots).forEach((shot) => delete shot.uploadId);
		answer = await sendOnce();
	}
	forget();
	tell('ae:complete', { verificationId: answer.verificationId, status: answer.status });
	show(screens.ended[answer.status] ?? screens.ended.open);
}

function forget() {
	shutCamera();
	Object.keys(page.shots).forEach(dropShot);
	page.values = {};
}

function askCancel() {
	const dialog = sureDialog(page);

	document.body.append(dialog);
	dialog.showModal();
}

const closeDialog = () => document.querySelector('dialog')?.close();

function cancel() {
	api.stop();
	forget();
	tell('ae:cancel');
	show(screens.cancelled);
}

// ---- what can go wrong -----------------------------------------------------------------------------------

let queue = Promise.resolve();

// One thing after the other; what goes wrong is shown, never swallowed.
function guarded(action) {
	queue = queue.then(action).catch(wentWrong);
	return queue;
}

function fail(screen, error, code) {
	tell('ae:error', { error, code });
	show(screen);
}

function wentWrong(error) {
	if (error instanceof Stopped)
		return undefined;
	if (!(error instanceof Refused)) {
		fail(screens.fault, 'Internal Error', 'internal');
		throw error;
	}
	// Nothing that the person can do anything about: the key, or what the business has to pay with.
	if (error.status === 401 || (error.status === 403 && error.kind !== null))
		return fail(screens.keyGone, error.error, 'key_refused');
	if (error.status === 402)
		return fail(screens.keyGone, error.error, 'not_paid');
	if (error.kind !== null) {
		dropShot(error.kind);
		enter(error.kind);
		return trouble(new Unusable('errUpload'));
	}
	if (error.status === 403)
		return fail(screens.denied, error.error, 'not_eligible');
	return fail(screens.refused, error.error, 'refused');
}

// ---- the beginning ---------------------------------------------------------------------------------------

function wrongParameters() {
	const wrong = [];

	if (!EXTERNAL_ID.test(asked.get('external_id') ?? ''))
		wrong.push('external_id');
	if (!page.level)
		wrong.push('level');
	return wrong;
}

async function load() {
	show(screens.loading);
	page.config ??= await api.config();
	page.level = page.config.levels.find(({ level }) => level === asked.get('level')) ?? null;
	tell = makeParent(page.config.origins);
	page.wrong = wrongParameters().join(', ');
	if (page.wrong !== '')
		return fail(screens.address, 'Bad Request', 'invalid_parameters');
	tell('ae:ready');
	enter('consent');
}

function restart() {
	guarded(load);
}

page.language = chooseLanguage([asked.get('lang'), ...navigator.languages]);
page.t = translator(page.language);
load().catch(wentWrong);
