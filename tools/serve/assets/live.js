// Plays the stream beside the page over WebRTC (WHEP), and connects again when it breaks off.
import { open } from './session.js';

const video = document.getElementById('video');
const status = document.getElementById('status');
const sound = document.getElementById('sound');
const endpoint = new URL('whep', location.href).href;

let connection = null;
let session = null;  // what ends it
let again = 0;

document.documentElement.dataset.engine = 'webrtc';

function say(text) {
  if (status.textContent !== text) status.textContent = text;
}

function describe() {
  if (!connection || connection.connectionState !== 'connected') return;
  if (video.readyState < 2) return say('Waiting for the stream');
  const size = video.videoWidth ? `${video.videoWidth}x${video.videoHeight}` : 'sound only';
  say(video.paused ? 'Paused' : `Playing, ${size}`);
}

// Chrome decodes stereo only when its offer says so.
function withStereo(sdp) {
  return sdp.replace(/(a=fmtp:\d+ [^\r\n]*useinbandfec=1)(?![^\r\n]*stereo)/g, '$1;stereo=1');
}

function stop() {
  session?.();
  session = null;
  if (connection) connection.close();
  connection = null;
}

function retry(why, pause = 2000) {
  stop();
  say(`${why}; trying again`);
  clearTimeout(again);
  again = setTimeout(start, pause);
}

// What the stream is does not change soon.
function failed(error) {
  if (error.status !== 406 && error.status !== 422) return retry(error.message);
  retry(error.message, 15000);
  say(`Not to be played here: ${error.message}. Try it with rewinding`);
}

async function connect() {
  const peer = new RTCPeerConnection();
  connection = peer;
  const stream = new MediaStream();
  peer.addTransceiver('video', { direction: 'recvonly' });
  peer.addTransceiver('audio', { direction: 'recvonly' });
  peer.addEventListener('track', (event) => {
    stream.addTrack(event.track);
    video.srcObject = stream;
    video.play().catch(() => say('Press play to start'));
  });
  peer.addEventListener('connectionstatechange', () => {
    if (peer === connection && peer.connectionState === 'failed') retry('The connection broke off');
    if (peer === connection && peer.connectionState === 'closed') retry('The stream ended');
    describe();
  });
  const close = await open(peer, endpoint, { alter: withStereo }).catch((error) => {
    if (peer === connection) throw error;
  });
  if (peer === connection) session = close;
  else close?.();
}

function start() {
  stop();
  say('Connecting');
  connect().catch(failed);
}

sound.addEventListener('click', () => {
  video.muted = false;
  video.play();
});
video.addEventListener('volumechange', () => { sound.hidden = !video.muted; });
for (const name of ['playing', 'pause', 'waiting', 'resize']) video.addEventListener(name, describe);
setInterval(describe, 1000);
addEventListener('pagehide', stop);
addEventListener('pageshow', (event) => { if (event.persisted) start(); });
sound.hidden = !video.muted;
start();
