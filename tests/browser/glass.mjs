// glass.mjs WHIP-URL PAGE-URL [--seconds N] [--camera FILE.y4m] [--bad-from N --bad-until N]: from glass to glass. One
// Chromium publishes its camera, a film whose frames are numbered by 10 blocks at the top left (white is 1, the lowest bit
// first); another one plays the page. --bad-from and --bad-until say when, in seconds after the publisher's first, the way
// is bad: then recovered_seconds is how long after that the delay stays within 100 ms of what it was before. Prints one JSON
// object: for each second the delay from the capture of a picture to its display, and what the player says of freezes.
// Times are of the machine's one clock.
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';
import { keep_connection } from './browser.mjs';

const args = process.argv.slice(2);
const [whip, page_url] = args.splice(0, 2);
const options = { seconds: '10' };
while (args.length) options[args.shift().replace(/^--/, '')] = args.shift();

const launch = (more = []) => chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--mute-audio',
    '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-default-apps',
    '--autoplay-policy=no-user-gesture-required', ...more],
});

// In a page: notes when each picture of the element was captured or shown, as [number, time].
function watch(selector) {
  const video = document.querySelector(selector);
  const canvas = Object.assign(document.createElement('canvas'), { width: 10, height: 1 });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  globalThis.seen = [];
  const note = (now, about) => {
    // The middle of each block.
    for (let bit = 0; bit < 10; ++bit) context.drawImage(video, bit * 32 + 8, 8, 16, 16, bit, 0, 1, 1);
    const { data } = context.getImageData(0, 0, 10, 1);
    let number = 0;
    for (let bit = 0; bit < 10; ++bit) if (data[4 * bit] > 127) number |= 1 << bit;
    const time = globalThis.camera ? about.captureTime ?? now : about.expectedDisplayTime;
    globalThis.seen.push([number, performance.timeOrigin + time]);
    video.requestVideoFrameCallback(note);
  };
  video.requestVideoFrameCallback(note);
}

async function publish(page) {
  await page.evaluate(async (endpoint) => {
    globalThis.camera = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360, frameRate: 30 }, audio: true });
    const video = document.querySelector('video');
    video.srcObject = globalThis.camera;
    await video.play();
    const connection = new RTCPeerConnection();
    globalThis.connection = connection;
    for (const track of globalThis.camera.getTracks()) {
      const transceiver = connection.addTransceiver(track, { direction: 'sendonly', streams: [globalThis.camera] });
      if (track.kind !== 'video') continue;
      const codecs = RTCRtpSender.getCapabilities('video').codecs;
      const first = codecs.filter((codec) => codec.mimeType === 'video/H264');
      if (first.length) transceiver.setCodecPreferences([...first, ...codecs.filter((codec) => !first.includes(codec))]);
      const parameters = transceiver.sender.getParameters();
      parameters.degradationPreference = 'maintain-resolution';
      await transceiver.sender.setParameters(parameters);
    }
    await connection.setLocalDescription();
    const headers = { 'Content-Type': 'application/sdp' };
    const answer = await fetch(endpoint, { method: 'POST', body: connection.localDescription.sdp, headers });
    if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
    await connection.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
  }, whip);
}

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? Math.round(sorted[Math.floor(sorted.length / 2)]) : null;
};
const share = (values, part) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]) : null;
};

const server = createServer((_, response) => response.end('<!doctype html><title>publisher</title><video muted></video>'));
await new Promise((ready) => { server.listen(0, '127.0.0.1', ready); });
const capture = options.camera ? [`--use-file-for-fake-video-capture=${options.camera}`] : [];
const [one, other] = [await launch(['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', ...capture]), await launch()];
let report = {};
try {
  const publisher = await one.newPage();
  await publisher.goto(`http://127.0.0.1:${server.address().port}/`);
  await publish(publisher);
  const published = Date.now();
  await publisher.evaluate(watch, 'video');
  const player = await other.newPage();
  await keep_connection(player);
  for (let i = 0; i < 20; ++i) {
    await player.goto(page_url);
    if (await player.waitForFunction(() => document.querySelector('video').currentTime > 0, null, { timeout: 3000 }).catch(() => null)) break;
  }
  await player.evaluate(watch, 'video');
  const stats = async () => player.evaluate(async () => {
    for (const it of (await globalThis.connection.getStats()).values())
      if (it.type === 'inbound-rtp' && it.kind === 'video') return {
        frozen: it.totalFreezesDuration, freezes: it.freezeCount, lost: it.packetsLost, nacks: it.nackCount, plis: it.pliCount,
        frames: it.framesDecoded, buffer: it.jitterBufferDelay / Math.max(1, it.jitterBufferEmittedCount),
        processing: it.totalProcessingDelay / Math.max(1, it.framesDecoded) };
    return {};
  });
  await player.waitForTimeout(2000);
  const from = await stats(), begin = Date.now();
  await player.waitForTimeout(Number(options.seconds) * 1000);
  const to = await stats();
  const captured = await publisher.evaluate(() => globalThis.seen), shown = await player.evaluate(() => globalThis.seen);
  const rates = await publisher.evaluate(async () => {
    const found = {};
    for (const it of (await globalThis.connection.getStats()).values()) {
      if (it.type === 'outbound-rtp' && it.kind === 'video') Object.assign(found, { fps: it.framesPerSecond, target: it.targetBitrate, encode: it.totalEncodeTime / it.framesEncoded });
      if (it.type === 'candidate-pair' && it.nominated) found.available = it.availableOutgoingBitrate;
    }
    return found;
  });
  // When, in seconds, no new picture came for how long, in ms.
  const gaps = shown.slice(1).map(([, at], i) => [Math.round((at - begin) / 10) / 100, Math.round(at - shown[i][1])]);
  // A number belongs to the newest capture of it before it was shown.
  const delays = [], seconds = Object.fromEntries(Array.from({ length: Number(options.seconds) }, (_, i) => [i, []]));
  for (const [number, at] of shown) {
    if (at < begin) continue;
    let when = null;
    for (const [its, time] of captured) if (its === number && time <= at) when = time;
    if (when === null || at - when > 5000) continue;
    delays.push(at - when);
    seconds[Math.floor((at - begin) / 1000)]?.push(at - when);
  }
  const each = Object.values(seconds).map(median), place = (second) => (published - begin) / 1000 + Number(second);
  // What it was before: over all that time, as a player's first seconds pass before it has put sound and picture together.
  const good = median(each.slice(0, Math.max(1, Math.floor(place(options['bad-from'] ?? 0))))) + 100;
  // The seconds that were not good, by their end; one without a picture is none.
  const bad = each.map((delay, i) => (delay === null || delay > good ? i + 1 : 0));
  const end = place(options['bad-until'] ?? 0);
  report = {
    good_ms: options['bad-until'] ? good : null,
    recovered_seconds: options['bad-until'] ? Math.max(0, Math.max(...bad) - end) : null,
    pictures: delays.length, median_ms: median(delays), p95_ms: share(delays, 0.95), least_ms: share(delays, 0),
    each_second_ms: each, pictures_each_second: Object.values(seconds).map((values) => values.length),
    gaps: gaps.filter(([, length]) => length > 150),
    begin_ms: begin, frozen_seconds: to.frozen - from.frozen, freezes: to.freezes - from.freezes,
    frozen_share: (to.frozen - from.frozen) / Number(options.seconds), lost: to.lost - from.lost, nacks: to.nacks - from.nacks,
    plis: to.plis - from.plis, buffer_ms: Math.round(1000 * to.buffer), processing_ms: Math.round(1000 * to.processing), sent: rates,
  };
} finally {
  await one.close();
  await other.close();
  server.close();
}
console.log(JSON.stringify(report));
