// SPDX-License-Identifier: Apache-2.0
// Takes photos and short videos: from the camera, or from a file where there is no camera to be had.

export const VIDEO_S = 5;
const VIDEO_BITS_PER_S = 2500000;
const VIDEO_TYPES = ['video/webm;codecs=vp9', 'video/webm;codecs=vp8', 'video/webm'];
const PICTURE_MS = 5000;
const PHOTO_QUALITY = 0.9;
const PHOTO_MAX = 2560; // of the longer side, in pixels
const PHOTO_MIN = 320; // of the shorter one: less can be read by nobody
const BYTES_MAX = 15 * 1024 * 1024; // contract/age.md, uploads

// What is wrong with a file or a camera: key names a sentence.
export class Unusable extends Error {
	constructor(key) {
		super(key);
		this.key = key;
	}
}

const videoType = () => VIDEO_TYPES.find((type) => globalThis.MediaRecorder?.isTypeSupported(type));

export const canRecord = () => videoType() !== undefined;

const troubles = {
	NotAllowedError: 'cameraDenied', SecurityError: 'cameraDenied', NotFoundError: 'cameraNone',
	OverconstrainedError: 'cameraNone', NotReadableError: 'cameraBusy', AbortError: 'cameraBusy',
};

// facing: user or environment. Without sound: nobody listens to it.
export async function openCamera(facing) {
	// Pages that were not sent encrypted have no camera.
	if (!navigator.mediaDevices?.getUserMedia)
		throw new Unusable('cameraNone');
	try {
		return await navigator.mediaDevices.getUserMedia({
			audio: false, video: { facingMode: facing, width: { ideal: 1920 }, height: { ideal: 1080 } },
		});
	} catch (error) {
		throw new Unusable(troubles[error.name] ?? 'cameraNone');
	}
}

// A camera that has been opened this moment may have nothing to show yet; one that is covered, or that the
// system keeps from the browser, never has.
export function hasPicture(video) {
	if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA)
		return Promise.resolve();
	return new Promise((resolve, reject) => {
		const timer = setTimeout(() => reject(new Unusable('cameraDark')), PICTURE_MS);

		video.addEventListener('loadeddata', () => {
			clearTimeout(timer);
			resolve();
		}, { once: true });
	});
}

export const closeCamera = (stream) => stream?.getTracks().forEach((track) => track.stop());

// A picture as JPEG, not larger than is of use; what else a file says of its maker is left behind.
async function jpeg(source, width, height) {
	const scale = Math.min(1, PHOTO_MAX / Math.max(width, height));
	const canvas = document.createElement('canvas');

	if (Math.min(width, height) < PHOTO_MIN)
		throw new Unusable('photoSmall');
	canvas.width = Math.round(width * scale);
	canvas.height = Math.round(height * scale);
	canvas.getContext('2d').drawImage(source, 0, 0, canvas.width, canvas.height);
	const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', PHOTO_QUALITY));
	if (blob === null)
		throw new Unusable('photoNone');
	return blob;
}

export const photoOf = (video) => jpeg(video, video.videoWidth, video.videoHeight);

export async function photoFile(file) {
	let picture;

	try {
		picture = await createImageBitmap(file);
	} catch {
		throw new Unusable('photoNone');
	}
	try {
		return await jpeg(picture, picture.width, picture.height);
	} finally {
		picture.close();
	}
}

// Films for VIDEO_S seconds; tick(seconds left). Resolves to null when the camera was closed meanwhile.
export function film(stream, tick) {
	const recorder = new MediaRecorder(stream, {
		mimeType: videoType(), videoBitsPerSecond: VIDEO_BITS_PER_S,
	});
	const parts = [];
	let left = VIDEO_S;

	return new Promise((resolve, reject) => {
		const timer = setInterval(() => {
			left--;
			tick(left);
			if (left <= 0 && recorder.state === 'recording')
				recorder.stop();
		}, 1000);
		recorder.ondataavailable = (event) => parts.push(event.data);
		recorder.onerror = () => {
			clearInterval(timer);
			reject(new Unusable('cameraBusy'));
		};
		// It also stops when the camera is taken away; then less was filmed than is needed.
		recorder.onstop = () => {
			clearInterval(timer);
			resolve(left > 0 ? null : new Blob(parts, { type: 'video/webm' }));
		};
		recorder.start();
		tick(left);
	});
}

const WEBM = [0x1a, 0x45, 0xdf, 0xa3];

export async function videoFile(file) {
	const head = new Uint8Array(await file.slice(0, WEBM.length).arrayBuffer());

	if (!WEBM.every((byte, i) => head[i] === byte))
		throw new Unusable('videoNone');
	if (file.size > BYTES_MAX)
		throw new Unusable('videoLarge');
	return new Blob([file], { type: 'video/webm' });
}
