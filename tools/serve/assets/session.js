// A session of WHIP (RFC 9725) or WHEP between a peer connection and an endpoint.

export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

function reason(text) {
  try {
    return JSON.parse(text).detail;
  } catch {
    return '';
  }
}

// The servers of ICE that Link headers name (RFC 9725 4.6).
function servers_of(link) {
  const servers = [];
  for (const [, urls, rest] of (link ?? '').matchAll(/<([^>]*)>([^<]*)/g)) {
    const value = (name) => new RegExp(`;\\s*${name}="([^"]*)"`).exec(rest)?.[1];
    if (value('rel') === 'ice-server') servers.push({ urls, username: value('username'), credential: value('credential') });
  }
  return servers;
}

// Offers what the connection has been given and takes the answer. The server waits at the addresses that stand in its
// answer and learns ours from the checks that come, so that none is looked for before, and servers of ICE that it names
// come in time. `alter` may change the offer.
// Resolves with what ends the session; throws Refused.
export async function open(peer, endpoint, { key = '', alter = (sdp) => sdp } = {}) {
  const authorization = key ? { Authorization: `Bearer ${key}` } : {};
  const sdp = alter((await peer.createOffer()).sdp);
  const headers = { 'Content-Type': 'application/sdp', ...authorization };
  const response = await fetch(endpoint, { method: 'POST', headers, body: sdp });
  const answer = await response.text();
  if (response.status !== 201) throw new Refused(response.status, reason(answer) || `The server answers ${response.status}`);
  const session = new URL(response.headers.get('Location'), endpoint).href;
  const end = () => fetch(session, { method: 'DELETE', headers: authorization, keepalive: true }).catch(() => {});
  if (peer.signalingState === 'closed') {
    end();
    return () => {};
  }
  const iceServers = servers_of(response.headers.get('Link'));
  if (iceServers.length) peer.setConfiguration({ ...peer.getConfiguration(), iceServers });
  await peer.setLocalDescription({ type: 'offer', sdp });
  await peer.setRemoteDescription({ type: 'answer', sdp: answer });
  return end;
}
