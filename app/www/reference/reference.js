// SPDX-License-Identifier: Apache-2.0
// Starts the API reference (Scalar) on /openapi of this very host. Everything of Scalar that talks to
// another host, or that keeps what the visitor typed, is off. tools/www writes the version in.

// Scalar's JSON checker would make code out of strings if it may. It may not (script-src in the web
// server's configuration), and need not find out by trying.
globalThis.__zod_globalConfig = { jitless: true };

const DOCUMENT = '/openapi';
const place = document.getElementById('reference');

// Samples are shown for curl, PHP, Python and Node.js. What is named here is not offered.
const hiddenClients = {
	c: true, clojure: true, csharp: true, dart: true, fsharp: true, go: true, http: true, java: true,
	js: true, julia: true, kotlin: true, objc: true, ocaml: true, powershell: true, r: true,
	ruby: true, rust: true, swift: true,
	shell: ['httpie', 'wget'],
	php: ['laravel'],
	python: ['python3', 'aiohttp', 'httpx_async'],
	node: ['axios', 'ofetch'],
};

// Scalar fills parameters in from their examples, or with the first word of a list, and would send
// them all. Those that may be left out are filled in, and sent only when the visitor ticks them.
function untick(parameter) {
	const schema = parameter.schema ?? {};
	const value = schema.examples?.[0] ?? schema.enum?.[0];
	if (!parameter.required && schema.default === undefined && value !== undefined)
		parameter.examples ??= { example: { value, 'x-disabled': true } };
}

// The document as the page shows it.
function shown(api) {
	api.info.description = `${api.info.description ?? ''}\n\n[The OpenAPI document](${DOCUMENT})`;
	Object.values(api.components?.parameters ?? {}).forEach(untick);
	for (const item of Object.values(api.paths))
		for (const operation of [item, ...Object.values(item)])
			(operation.parameters ?? []).forEach(untick);
	return api;
}

async function start() {
	const [scalar, answer] = await Promise.all([
		import('/reference/assets/scalar-@SCALAR_VERSION@/standalone.esm.js'),
		fetch(DOCUMENT),
	]);
	if (!answer.ok)
		throw new Error(`${DOCUMENT}: ${answer.status}`);
	scalar.createApiReference(place, {
		content: shown(await answer.json()),
		servers: [{ url: location.origin }],
		authentication: { preferredSecurityScheme: 'bearer' },
		favicon: '/reference/favicon.svg',
		hiddenClients,
		defaultHttpClient: { targetKey: 'shell', clientKey: 'curl' },
		documentDownloadType: 'none',
		// A key is forgotten with the page, and no request leaves this host.
		persistAuth: false,
		telemetry: false,
		withDefaultFonts: false,
		hideClientButton: true,
		showDeveloperTools: 'never',
		agent: { disabled: true },
		mcp: { disabled: true },
	});
}

start().catch((error) => {
	place.textContent = `The reference could not be loaded. The document it shows is at ${DOCUMENT}.`;
	throw error;
});
