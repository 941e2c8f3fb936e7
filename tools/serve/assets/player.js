// Plays master.m3u8 beside the page: through hls.js when the page carries it, else with the browser's
// own HLS, else with cmaf.js. ?player=hlsjs|native|cmaf picks one.
const video = document.getElementById('video');
const status = document.getElementById('status');
const sound = document.getElementById('sound');
const source = new URL('master.m3u8', location.href).href;
const wanted = new URLSearchParams(location.search).get('player');

let engine = 'none';

function say(text) {
  if (status.textContent !== text) status.textContent = text;
}

function describe() {
  if (video.error) return;
  if (video.readyState < 2) return say('Waiting for the stream');
  const size = video.videoWidth ? `${video.videoWidth}x${video.videoHeight}` : 'sound only';
  say(video.paused ? 'Paused' : `Playing, ${size}`);
}

function play() {
  video.play().catch(() => say('Press play to start'));
}

function startHlsJs() {
  const hls = new window.Hls({ backBufferLength: 60, maxLiveSyncPlaybackRate: 1.2 });
  hls.on(window.Hls.Events.ERROR, (event, data) => {
    if (!data.fatal) return;
    say('Trying again');
    if (data.type === window.Hls.ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
    else setTimeout(() => { hls.loadSource(source); hls.startLoad(); }, 2000);
  });
  hls.loadSource(source);
  hls.attachMedia(video);
  play();
}

// When the browser gives up, ours takes over; without MSE it is tried again.
function startNative() {
  video.src = source;
  video.addEventListener('error', () => {
    if (engine !== 'native') return;
    if (wanted !== 'native' && window.MediaSource) return start('cmaf');
    say('Trying again');
    setTimeout(() => { video.src = source; play(); }, 3000);
  });
  play();
}

async function startCmaf() {
  const { CmafPlayer } = await import('/_/cmaf.js');
  new CmafPlayer(video, source, say).run();
  play();
}

function start(name) {
  engine = name;
  document.documentElement.dataset.engine = name;
  if (name === 'hlsjs') startHlsJs();
  else if (name === 'native') startNative();
  else if (name === 'cmaf') startCmaf();
  else say('This browser plays neither HLS nor fragmented MP4');
}

function choose() {
  const able = {
    hlsjs: () => window.Hls && window.Hls.isSupported(),
    native: () => video.canPlayType('application/vnd.apple.mpegurl') !== '',
    cmaf: () => Boolean(window.MediaSource),
  };
  if (wanted in able) return able[wanted]() ? wanted : 'none';
  return Object.keys(able).find((name) => able[name]()) ?? 'none';
}

for (const name of ['playing', 'pause', 'waiting', 'resize', 'loadeddata']) video.addEventListener(name, describe);
video.addEventListener('volumechange', () => { sound.hidden = !video.muted; });
sound.hidden = !video.muted;
sound.addEventListener('click', () => { video.muted = false; video.focus(); });
start(choose());
