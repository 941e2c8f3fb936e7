// play.mjs URL [--seconds N] [--screenshot FILE] [--width N] [--dark] [--patience N]: opens the page in the browser
// (Chromium, or Firefox where BROWSER says so), lets it play once something moves, for which it waits --patience seconds,
// and prints one JSON object: what moved, what was seen, what went wrong.
import { keep_connection, launch, options_of } from './browser.mjs';

const args = process.argv.slice(2);
const url = args.shift();
const options = options_of(args, { seconds: '10', width: '1280', patience: '25' }, ['dark']);
const { page, errors, complaints, close } = await launch({ width: Number(options.width), dark: options.dark });
let report = {};
try {
  await keep_connection(page);
  await page.goto(url);
  if (await page.evaluate(() => Boolean(document.querySelector('video')))) {
    await page.waitForFunction(() => document.querySelector('video').currentTime > 0.2, null, { timeout: 1000 * options.patience }).catch(() => {});
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
      // Sound of WebRTC is not counted by the element. A muted one says nothing in Chromium, and sound of the page (WebAudio)
      // needs a sound device in Firefox: the louder is right.
      let loudest = 0, analyser = null;
      if (player.srcObject?.getAudioTracks().length) {
        const sound = new AudioContext();
        sound.resume();
        analyser = sound.createAnalyser();
        sound.createMediaStreamSource(player.srcObject).connect(analyser);
      }
      const listen = () => {
        if (!analyser) return;
        const samples = new Float32Array(analyser.fftSize);
        analyser.getFloatTimeDomainData(samples);
        for (const sample of samples) loudest = Math.max(loudest, Math.abs(sample));
      };
      // What WebRTC says of sound and picture: the energy of the one, and how long the other stood still.
      const received = async () => {
        const found = { energy: 0, duration: 0, frozen: 0, freezes: 0, lost: 0 };
        for (const one of (await globalThis.connection?.getStats() ?? new Map()).values()) {
          if (one.type !== 'inbound-rtp') continue;
          found.lost += one.packetsLost ?? 0;
          if (one.kind === 'audio') Object.assign(found, { energy: one.totalAudioEnergy, duration: one.totalSamplesDuration });
          if (one.kind === 'video') Object.assign(found, { frozen: one.totalFreezesDuration ?? 0, freezes: one.freezeCount ?? 0 });
        }
        return found;
      };
      const started = player.currentTime, begun = performance.now(), pictures = new Set();
      const widths = [], before = await received();
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
      const after = await received();
      const quality = player.getVideoPlaybackQuality();
      return {
        engine: document.documentElement.dataset.engine ?? null,
        shown_after_ms,
        start_seconds: started,
        played_seconds: player.currentTime - started,
        stalls,
        pictures: pictures.size,
        mean_luma: brightest,
        deviation_luma: liveliest,
        width: player.videoWidth,
        height: player.videoHeight,
        widths,
        frames: quality.totalVideoFrames,
        dropped_frames: quality.droppedVideoFrames,
        audio_bytes: player.webkitAudioDecodedByteCount ?? null,
        sound_level: analyser ? Math.max(loudest, Math.sqrt((after.energy - before.energy) / ((after.duration - before.duration) || 1))) : null,
        frozen_seconds: after.frozen - before.frozen,
        freezes: after.freezes - before.freezes,
        lost: after.lost - before.lost,
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
  await close();
}
console.log(JSON.stringify({ ...report, errors: [...errors, ...complaints] }));
