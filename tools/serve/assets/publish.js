// Publishes camera, microphone or screen by WHIP, and connects again when the way breaks off. The key comes from
// the field or from behind the # of an invitation link, which no server ever sees.
import { open as open_session } from './session.js';

const at = (id) => document.getElementById(id);
const [preview, level, form, camera, microphone, key, go, mute, hide, screen, status, figures] =
  ['preview', 'level', 'form', 'camera', 'microphone', 'key', 'go', 'mute', 'hide', 'screen', 'status', 'figures'].map(at);
const endpoint = document.querySelector('main').dataset.endpoint;
const kMostBitRate = 2500000, kLongestPause = 8000;

const media = new MediaStream();  // what is shown and sent: at most a picture and a sound
let connection = null, session = null /* what ends it */, wanted = false, pause = 1000, again = 0, before = null;

function say(text) {
  if (status.textContent !== text) status.textContent = text;
}

// --- what is sent ----------------------------------------------------------------------------

function put(track) {
  for (const old of media.getTracks()) {
    if (old.kind !== track.kind) continue;
    media.removeTrack(old);
    old.stop();
  }
  media.addTrack(track);
  preview.srcObject = media;
  track.enabled = (track.kind === 'audio' ? mute : hide).getAttribute('aria-pressed') !== 'true';
  const sender = connection?.getTransceivers().find((one) => one.receiver.track.kind === track.kind)?.sender;
  sender?.replaceTrack(track);
  if (track.kind === 'audio') measure(track);
}

async function capture(kind) {
  const device = (kind === 'video' ? camera : microphone).value;
  const chosen = device ? { deviceId: { exact: device } } : {};
  const constraints = kind === 'video'
    ? { video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 }, ...chosen } }
    : { audio: chosen };
  put((await navigator.mediaDevices.getUserMedia(constraints)).getTracks()[0]);
  press(screen, kind === 'video' ? false : screen.getAttribute('aria-pressed') === 'true');
}

async function share() {
  if (screen.getAttribute('aria-pressed') === 'true') return capture('video');
  const [track] = (await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: 30 } })).getVideoTracks();
  track.addEventListener('ended', () => capture('video').catch(trouble));
  put(track);
  press(screen, true);
}

async function list() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  for (const [select, kind] of [[camera, 'videoinput'], [microphone, 'audioinput']]) {
    const current = select.value;
    const found = devices.filter((device) => device.kind === kind);
    select.replaceChildren(...found.map((device, i) => new Option(device.label || `${i + 1}`, device.deviceId)));
    if (found.some((device) => device.deviceId === current)) select.value = current;
  }
}

let context = null, meter = 0;
function measure(track) {
  context ??= new AudioContext();
  clearInterval(meter);
  const analyser = context.createAnalyser(), samples = new Float32Array(analyser.fftSize);
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  meter = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    level.value = Math.max(...samples.map(Math.abs));
  }, 100);
}

function press(button, pressed) {
  button.setAttribute('aria-pressed', String(pressed));
}

// --- where it goes ---------------------------------------------------------------------------

// H.264 first: what most of what reads the stream takes.
function prefer(transceiver) {
  const codecs = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
  const first = codecs.filter((codec) => codec.mimeType === 'video/H264');
  if (first.length) transceiver.setCodecPreferences?.([...first, ...codecs.filter((codec) => !first.includes(codec))]);
}

async function connect() {
  const peer = new RTCPeerConnection();
  connection = peer;
  before = null;
  for (const track of media.getTracks()) {
    const encodings = track.kind === 'video' ? [{ maxBitrate: kMostBitRate }] : [];
    const transceiver = peer.addTransceiver(track, { direction: 'sendonly', streams: [media], sendEncodings: encodings });
    if (track.kind !== 'video') continue;
    prefer(transceiver);
    // A picture that changes its size starts a new recording, and a new rendition for each viewer.
    const parameters = { ...transceiver.sender.getParameters(), degradationPreference: 'maintain-resolution' };
    transceiver.sender.setParameters(parameters).catch(() => {});
  }
  peer.addEventListener('connectionstatechange', () => {
    if (peer !== connection) return;
    if (peer.connectionState === 'connected') {
      pause = 1000;
      say('Live');
    }
    if (peer.connectionState === 'failed') retry('The connection broke off');
  });
  const close = await open_session(peer, endpoint, { key: key.value }).catch((error) => {
    if (peer === connection) throw error;
  });
  if (peer === connection) session = close;
  else close?.();
}

function attempt() {
  connect().catch(failed);
}

// Trying again makes no wrong key right.
function failed(error) {
  if (error.status !== 401 && error.status !== 403) return retry(error.message);
  end();
  key.focus();
  say(error.message);
}

function hang_up() {
  clearTimeout(again);
  session?.();
  connection?.close();
  connection = session = null;
  figures.textContent = '';
}

function retry(why) {
  hang_up();
  if (!wanted) return;
  say(`${why}; trying again`);
  again = setTimeout(attempt, pause);
  pause = Math.min(2 * pause, kLongestPause);
}

function end() {
  wanted = false;
  hang_up();
  go.textContent = 'Go live';
  say('Not live');
}

function begin() {
  wanted = true;
  pause = 1000;
  go.textContent = 'Stop';
  say('Connecting');
  context?.resume();
  attempt();
}

async function report() {
  if (connection?.connectionState !== 'connected') return;
  let bytes = 0, frames = 0, lost = 0, trip = 0;
  for (const one of (await connection.getStats()).values()) {
    if (one.type === 'outbound-rtp') bytes += one.bytesSent;
    if (one.type === 'outbound-rtp' && one.kind === 'video') frames = one.framesPerSecond ?? 0;
    if (one.type === 'remote-inbound-rtp') {
      lost = Math.max(lost, one.fractionLost ?? 0);
      trip = Math.max(trip, one.roundTripTime ?? 0);
    }
  }
  const now = performance.now();
  if (before) {
    const rate = Math.round((8 * (bytes - before.bytes)) / (now - before.time));
    figures.textContent = `${rate} kbit/s, ${Math.round(frames)} pictures/s, ` +
      `${(100 * lost).toFixed(1)} % lost, ${Math.round(1000 * trip)} ms there and back`;
  }
  before = { bytes, time: now };
}

// --- what people do --------------------------------------------------------------------------

function trouble(error) {
  const words = {
    NotAllowedError: 'The browser was not allowed to use it: see the permissions of this page',
    NotFoundError: 'There is no such device',
    NotReadableError: 'The device is in use by another program',
  };
  say(words[error.name] ?? error.message);
}

function toggle(button, kind) {
  const off = button.getAttribute('aria-pressed') !== 'true';
  press(button, off);
  for (const track of media.getTracks()) if (track.kind === kind) track.enabled = !off;
}

async function open() {
  if (!navigator.mediaDevices) return say('A camera needs a page over https, or from this machine');
  await capture('video').catch(trouble);
  await capture('audio').catch(trouble);
  await list();
  navigator.mediaDevices.addEventListener('devicechange', list);
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (wanted) end();
  else if (media.getTracks().length) begin();
  else open();
});
camera.addEventListener('change', () => capture('video').catch(trouble));
microphone.addEventListener('change', () => capture('audio').catch(trouble));
mute.addEventListener('click', () => toggle(mute, 'audio'));
hide.addEventListener('click', () => toggle(hide, 'video'));
screen.addEventListener('click', () => share().catch(trouble));
screen.hidden = !navigator.mediaDevices?.getDisplayMedia;
addEventListener('pagehide', hang_up);
setInterval(report, 1000);
const invitation = new URLSearchParams(location.hash.slice(1)).get('key');
if (invitation) {
  key.value = invitation;
  history.replaceState(null, '', location.pathname);
}
open();
