// whip.mjs URL [--key-file FILE] [--seconds N] [--layers 1] [--restart 1]: Chromium, or Firefox where BROWSER says
// so, with its fake camera and microphone publishes from a page by WHIP, as any page would; with --layers in two sizes
// (simulcast), with --restart by new credentials of ICE half-way. Prints one JSON object: the answers, the states, the
// statistics.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { launch, options_of } from './browser.mjs';

const args = process.argv.slice(2);
const url = args.shift();
const options = options_of(args, { seconds: '6' });
const key = options['key-file'] ? readFileSync(options['key-file'], 'utf8').trim() : null;

// A camera needs a page from this machine.
const server = createServer((_, response) => response.end('<!doctype html><title>publisher</title><video muted></video>'));
await new Promise((ready) => { server.listen(0, '127.0.0.1', ready); });
const { page, close } = await launch({ camera: true });
let report = {};
try {
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  report = await page.evaluate(async ({ url: endpoint, key: token, seconds, layers, restart }) => {
    const pause = (time) => new Promise((done) => { setTimeout(done, time); });
    const states = [];
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 }, audio: true });
    const connection = new RTCPeerConnection();
    connection.onconnectionstatechange = () => states.push(connection.connectionState);
    const encodings = [{ rid: 'l', scaleResolutionDownBy: 2, maxBitrate: 200_000 }, { rid: 'h' }];
    for (const track of stream.getTracks()) {
      connection.addTransceiver(track, {
        direction: 'sendonly', streams: [stream], ...(layers && track.kind === 'video' ? { sendEncodings: encodings } : {}),
      });
    }
    await connection.setLocalDescription();
    const authorization = token ? { Authorization: `Bearer ${token}` } : {};
    const answer = await fetch(endpoint, {
      method: 'POST', body: connection.localDescription.sdp, headers: { 'Content-Type': 'application/sdp', ...authorization },
    });
    const status = answer.status;
    const body = await answer.text();
    if (status !== 201) return { status, body, states };
    const location = new URL(answer.headers.get('Location'), endpoint);
    const tag = answer.headers.get('ETag');
    await connection.setRemoteDescription({ type: 'answer', sdp: body });
    await pause(500);
    // As a page that trickles does.
    const ufrag = /a=ice-ufrag:(\S+)/.exec(connection.localDescription.sdp)[1];
    const password = /a=ice-pwd:(\S+)/.exec(connection.localDescription.sdp)[1];
    const patched = await fetch(location, {
      method: 'PATCH',
      body: `a=ice-ufrag:${ufrag}\r\na=ice-pwd:${password}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=end-of-candidates\r\n`,
      headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': tag, ...authorization },
    });
    // RFC 9725 4.3.3: the answer to the fragment has our new credentials.
    const restarted = async () => {
      connection.restartIce();
      await connection.setLocalDescription();
      const offer = connection.localDescription.sdp;
      const lines = offer.split('\r\n');
      const of = (start) => lines.find((line) => line.startsWith(start));
      const reply = await fetch(location, {
        method: 'PATCH', body: [of('a=ice-ufrag:'), of('a=ice-pwd:'), 'm=audio 9 UDP/TLS/RTP/SAVPF 0', 'a=mid:0', ''].join('\r\n'),
        headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*', ...authorization },
      });
      const fragment = await reply.text();
      const ours = (name) => new RegExp(`a=${name}:(\\S+)`).exec(fragment)[1];
      await connection.setRemoteDescription({
        type: 'answer', sdp: body.replaceAll(/a=ice-ufrag:\S+/g, `a=ice-ufrag:${ours('ice-ufrag')}`)
          .replaceAll(/a=ice-pwd:\S+/g, `a=ice-pwd:${ours('ice-pwd')}`),
      });
      return { status: reply.status, before: ufrag, after: /a=ice-ufrag:(\S+)/.exec(offer)[1] };
    };
    // What the browser believes the way to carry, each second.
    const rates = [];
    let again = null;
    for (let i = 0; i < seconds; ++i) {
      if (restart && i === Math.floor(seconds / 2)) again = await restarted();
      await pause(1000);
      for (const one of (await connection.getStats()).values())
        if (one.type === 'candidate-pair' && one.nominated) rates.push(Math.round((one.availableOutgoingBitrate ?? 0) / 1000));
    }
    const figures = [];
    const stats = await connection.getStats();
    for (const one of stats.values()) {
      if (one.type === 'outbound-rtp') {
        figures.push({
          kind: one.kind, rid: one.rid, codec: stats.get(one.codecId)?.mimeType, bytes: one.bytesSent, pli: one.pliCount, nack: one.nackCount, width: one.frameWidth,
          frames: one.framesEncoded, keys: one.keyFramesEncoded,
        });
      }
      if (one.type === 'candidate-pair' && one.nominated) figures.push({ kind: 'pair', bps: one.availableOutgoingBitrate });
    }
    const deleted = (await fetch(location, { method: 'DELETE', headers: authorization })).status;
    connection.close();
    return { status, patched: patched.status, deleted, states, figures, rates, again };
  }, { url, key, seconds: Number(options.seconds), layers: Boolean(options.layers), restart: Boolean(options.restart) });
} finally {
  await close();
  server.close();
}
console.log(JSON.stringify(report));
