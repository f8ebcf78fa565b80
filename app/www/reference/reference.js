// SPDX-License-Identifier: Apache-2.0
// Starts the API reference (Scalar) on /openapi of this very host. Everything of Scalar that talks to
// another host, or that keeps what the visitor typed, is off. tools/www writes the version in.

// Scalar's JSON checker would make code out of strings if it may. It may not (script-src in the web
// server's configuration), and need not find out by trying.
globalThis.__zod_globalConfig = { jitless: true };

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

async function start() {
	const scalar = await import('/reference/assets/scalar-@SCALAR_VERSION@/standalone.esm.js');
	scalar.createApiReference(place, {
		url: '/openapi',
		favicon: '/reference/favicon.svg',
		hiddenClients,
		defaultHttpClient: { targetKey: 'shell', clientKey: 'curl' },
		documentDownloadType: 'direct',
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
	place.textContent = 'The reference could not be loaded. The document it shows is at /openapi.';
	throw error;
});
