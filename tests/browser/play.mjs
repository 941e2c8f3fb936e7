// play.mjs URL [--seconds N] [--screenshot FILE] [--width N] [--dark]: opens the page in Debian's
// Chromium, lets it play and prints one JSON object: what moved, what was seen, what went wrong.
import { chromium } from 'playwright-core';

const args = process.argv.slice(2);
const url = args.shift();
const options = { seconds: '10', width: '1280' };
while (args.length) {
  const name = args.shift().replace(/^--/, '');
  options[name] = name === 'dark' ? true : args.shift();
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--mute-audio', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-default-apps',
    '--autoplay-policy=no-user-gesture-required', ...(process.env.CHROMIUM_ARGUMENTS?.split(' ') ?? [])],
});
const errors = [];
let report = {};
try {
  const page = await browser.newPage({
    viewport: { width: Number(options.width), height: 800 },
    colorScheme: options.dark ? 'dark' : 'light',
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => { if (message.type() === 'error') errors.push(`${message.text()} ${message.location().url}`); });
  await page.addInitScript(() => {
    const Plain = globalThis.RTCPeerConnection;
    globalThis.RTCPeerConnection = class extends Plain {
      constructor(...given) {
        super(...given);
        globalThis.playing = this;
      }
    };
  });
  await page.goto(url, { waitUntil: 'load' });
  const video = page.locator('video');
  if (await video.count()) {
    await page.waitForFunction(() => document.querySelector('video').currentTime > 0.2, null, { timeout: 25000 }).catch(() => {});
    report = await page.evaluate(async (seconds) => {
      const player = document.querySelector('video');
      const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 36 });
      const context = canvas.getContext('2d', { willReadFrequently: true });
      const look = () => {
        context.drawImage(player, 0, 0, 64, 36);
        const { data } = context.getImageData(0, 0, 64, 36);
        const luma = [];
        for (let i = 0; i < data.length; i += 4) luma.push(0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2]);
        const mean = luma.reduce((a, b) => a + b) / luma.length;
        const deviation = Math.sqrt(luma.reduce((a, b) => a + (b - mean) ** 2, 0) / luma.length);
        return { mean, deviation, key: luma.map((l) => Math.round(l)).join() };
      };
      // Sound of WebRTC is not counted by the element: its level is measured.
      let loudest = 0, analyser = null;
      if (player.srcObject?.getAudioTracks().length) {
        const sound = new AudioContext();
        await sound.resume();
        analyser = sound.createAnalyser();
        sound.createMediaStreamSource(player.srcObject).connect(analyser);
      }
      const listen = () => {
        if (!analyser) return;
        const samples = new Float32Array(analyser.fftSize);
        analyser.getFloatTimeDomainData(samples);
        for (const sample of samples) loudest = Math.max(loudest, Math.abs(sample));
      };
      const started = player.currentTime, begun = performance.now(), pictures = new Set();
      const widths = [];
      let stalls = 0, still = 0, last = -1, brightest = 0, liveliest = 0;
      while (performance.now() - begun < seconds * 1000) {
        await new Promise((done) => setTimeout(done, 250));
        const picture = look();
        listen();
        pictures.add(picture.key);
        brightest = Math.max(brightest, picture.mean);
        liveliest = Math.max(liveliest, picture.deviation);
        still = player.currentTime === last ? still + 1 : 0;
        if (still === 4) stalls += 1;
        last = player.currentTime;
        if (widths.at(-1) !== player.videoWidth) widths.push(player.videoWidth);
      }
      const shown_after_ms = Math.round(begun);
      // Of WebRTC, as the player itself counts.
      const freezes = { count: null, seconds: null };
      for (const it of (await globalThis.playing?.getStats())?.values() ?? [])
        if (it.type === 'inbound-rtp' && it.kind === 'video') Object.assign(freezes, { count: it.freezeCount, seconds: it.totalFreezesDuration });
      const quality = player.getVideoPlaybackQuality();
      return {
        engine: document.documentElement.dataset.engine ?? null,
        shown_after_ms,
        start_seconds: started,
        played_seconds: player.currentTime - started,
        stalls,
        freezes: freezes.count,
        frozen_seconds: freezes.seconds,
        pictures: pictures.size,
        mean_luma: brightest,
        deviation_luma: liveliest,
        width: player.videoWidth,
        height: player.videoHeight,
        widths,
        frames: quality.totalVideoFrames,
        dropped_frames: quality.droppedVideoFrames,
        audio_bytes: player.webkitAudioDecodedByteCount ?? null,
        sound_level: analyser ? loudest : null,
        media_error: player.error?.message ?? null,
        status: document.getElementById('status')?.textContent ?? null,
        overflow: document.documentElement.scrollWidth > document.documentElement.clientWidth,
      };
    }, Number(options.seconds));
  } else {
    report = await page.evaluate(() => ({
      text: document.body.innerText,
      links: [...document.links].map((link) => link.href),
      overflow: document.documentElement.scrollWidth > document.documentElement.clientWidth,
    }));
  }
  if (options.screenshot) await page.screenshot({ path: options.screenshot });
  await page.goto('about:blank');
} catch (error) {
  errors.push(String(error));
} finally {
  await browser.close();
}
console.log(JSON.stringify({ ...report, errors }));
