// SPDX-License-Identifier: Apache-2.0
// visit: looks at the page /reference as a person does, in Debian's Chromium, and tells what happened
// as one JSON object. Its argument is JSON too: url, key, wrongKey, chromium, root, shots (a directory),
// whole (false: only the key and two requests).
import { chromium } from 'playwright-core';

const told = JSON.parse(process.argv[2]);
const LIST = 'GET /v1/kyc/verifications';
const VERIFY = 'POST /v1/kyc/sandbox/verify';
const WIDE = { viewport: { width: 1280, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, colorScheme: 'dark' };
const PATIENCE_MS = 15000;
const seen = { requests: [], console: [], faults: [], violations: [], answers: {}, boxes: {} };

// Names are resolved nowhere: who asks for another host is recorded, and gets nothing.
const browser = await chromium.launch({
	executablePath: told.chromium,
	args: ['--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1', ...(told.root ? ['--no-sandbox'] : [])],
});

async function open(more) {
	const context = await browser.newContext({ reducedMotion: 'reduce', ...more });
	context.setDefaultTimeout(PATIENCE_MS);
	await context.exposeFunction('tellViolation', (text) => seen.violations.push(text));
	await context.addInitScript(() => document.addEventListener('securitypolicyviolation',
		(event) => globalThis.tellViolation(`${event.effectiveDirective}: ${event.blockedURI}`)));
	const page = await context.newPage();
	page.on('request', (request) => seen.requests.push({
		method: request.method(), url: request.url(),
		bearer: request.headers().authorization ?? null, apiKey: request.headers()['x-api-key'] ?? null,
	}));
	page.on('console', (message) => seen.console.push(`${message.type()}: ${message.text()}`));
	page.on('pageerror', (error) => seen.faults.push(String(error)));
	return page;
}

const dialogue = (page) => page.getByRole('dialog').filter({ has: page.getByRole('button', { name: /^Send/ }) });

// Goes where the list of operations links to, and opens the dialogue.
async function show(page, operation) {
	const [method, path] = operation.split(' ');
	await page.goto(told.url + '/reference' + seen.listed.find((item) => item.to.endsWith(`/${method}${path}`)).to);
	const test = page.getByRole('button', { name: `(${method.toLowerCase()} ${path})` });
	await test.click();
	await dialogue(page).waitFor();
}

// Sends what the dialogue holds, and waits for the answer to be on the screen.
async function send(page, operation, name) {
	const [answer] = await Promise.all([
		page.waitForResponse((answer) => new URL(answer.url()).pathname === operation.split(' ')[1]),
		dialogue(page).getByRole('button', { name: /^Send/ }).first().click(),
	]);
	const body = await answer.text();
	const { data, error } = JSON.parse(body);
	await dialogue(page).getByText(error ? error.code : data.id ?? data[0]?.id ?? 'next_cursor').first().waitFor();
	seen.answers[name] = { status: answer.status(), body, screen: await dialogue(page).innerText() };
}

const close = (page) => page.getByRole('button', { name: 'Close Client' }).last().click();
const ready = (page) => page.getByRole('heading', { level: 1 }).first().waitFor();

async function stored(page) {
	return page.evaluate(async () => JSON.stringify([{ ...localStorage }, { ...sessionStorage },
		document.cookie, await indexedDB.databases()]));
}

// The languages of the samples, and the key in the other header.
async function otherHeader(page) {
	await show(page, LIST);
	await dialogue(page).getByRole('button', { name: /Selected Auth Type/ }).click();
	await page.getByRole('option', { name: 'apiKey' }).click();
	await page.getByRole('option', { name: 'bearer' }).click();
	await dialogue(page).getByRole('button', { name: /Selected Auth Type/ }).click();
	await dialogue(page).locator('.scalar-password-input').fill(told.key);
	await send(page, LIST, 'header');
	await close(page);
	await page.getByRole('button', { name: /Curl/ }).last().click();
	await page.getByRole('listbox').waitFor();
	seen.languages = await page.getByRole('listbox').innerText();
	await page.screenshot({ path: `${told.shots}/wide-operation.png` });
}

async function onPhone(page) {
	await page.goto(`${told.url}/reference`);
	await ready(page);
	seen.phone = await page.evaluate(() => ({
		width: document.documentElement.scrollWidth, colour: getComputedStyle(document.body).backgroundColor,
	}));
	await page.waitForTimeout(500);	// for the picture: the colours fade in
	await page.screenshot({ path: `${told.shots}/phone.png` });
	await show(page, LIST);
	await page.screenshot({ path: `${told.shots}/phone-try.png` });
}

try {
	const page = await open(WIDE);
	await page.goto(`${told.url}/reference`);
	await ready(page);
	seen.title = await page.title();
	seen.heading = await page.getByRole('heading', { level: 1 }).first().innerText();

	// Every group of the list opened, so that every operation is in it.
	const list = page.getByRole('complementary');
	const closed = list.getByRole('button', { name: 'Open Group' });
	while (await closed.count())
		await closed.first().click();
	seen.listed = await list.getByRole('link').evaluateAll((links) => links.map((link) => ({
		to: decodeURIComponent(link.hash), text: link.innerText,
	})));
	await page.screenshot({ path: `${told.shots}/wide.png` });

	// The key, typed once, goes with what is tried from then on.
	await show(page, LIST);
	for (const box of await dialogue(page).getByRole('checkbox').all())
		seen.boxes[await box.getAttribute('aria-label')] = await box.isChecked();
	await dialogue(page).getByPlaceholder('Token').fill(told.wrongKey);
	await send(page, LIST, 'wrong');
	await page.screenshot({ path: `${told.shots}/wide-wrong-key.png` });
	await dialogue(page).getByPlaceholder('Token').fill(told.key);
	await send(page, LIST, 'list');
	await page.screenshot({ path: `${told.shots}/wide-answer.png` });
	await close(page);
	await show(page, VERIFY);
	await send(page, VERIFY, 'verify');
	await close(page);

	seen.stored = await stored(page);
	await page.reload();
	await ready(page);
	await page.getByPlaceholder('Token').first().waitFor();
	seen.remembered = await page.getByPlaceholder('Token').first().inputValue();

	if (told.whole) {
		await otherHeader(await open(WIDE));
		await onPhone(await open(PHONE));
	}
} catch (error) {
	for (const page of browser.contexts().flatMap((context) => context.pages()))
		await page.screenshot({ path: `${told.shots}/failed.png` });
	throw error;
} finally {
	await browser.close();
}
console.log(JSON.stringify(seen));
