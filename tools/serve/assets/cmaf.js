// A small HLS player over Media Source Extensions, for fragmented MP4: live and ended playlists, one
// video rendition at a time, a separate audio group or sound inside the video, discontinuities. It
// stays a few segments behind the live edge and picks the rung by measured speed.
const kHoldBack = 3; // segments behind the live edge
const kAhead = 20; // seconds to keep buffered ahead
const kBehind = 30; // seconds kept behind
const kVideoCodec = /^(avc|hvc|hev|av01|vp0?[89])/;

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export function parseAttributes(text) {
  const attributes = {};
  for (const [, name, value] of text.matchAll(/([A-Z0-9-]+)=("[^"]*"|[^,]*)/g)) attributes[name] = value.replace(/^"|"$/g, '');
  return attributes;
}

export function parseMaster(text, base) {
  const master = { variants: [], audio: {} };
  let pending = null;
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#EXT-X-MEDIA:')) {
      const a = parseAttributes(line.slice(13));
      if (a.TYPE === 'AUDIO' && a.URI && (!master.audio[a['GROUP-ID']] || a.DEFAULT === 'YES')) {
        master.audio[a['GROUP-ID']] = new URL(a.URI, base).href;
      }
    } else if (line.startsWith('#EXT-X-STREAM-INF:')) {
      pending = parseAttributes(line.slice(18));
    } else if (pending && line && !line.startsWith('#')) {
      const codecs = (pending.CODECS ?? '').split(',').map((c) => c.trim()).filter(Boolean);
      master.variants.push({
        url: new URL(line, base).href,
        bandwidth: Number(pending.BANDWIDTH),
        height: Number((pending.RESOLUTION ?? '0x0').split('x')[1]),
        video: codecs.filter((c) => kVideoCodec.test(c)),
        audio: codecs.filter((c) => !kVideoCodec.test(c)),
        group: pending.AUDIO,
      });
      pending = null;
    }
  }
  master.variants.sort((a, b) => a.bandwidth - b.bandwidth);
  return master;
}

export function parseMedia(text, base) {
  const list = { segments: [], target: 2, ended: false };
  let sequence = 0, run = 0, duration = 0, map = null;
  for (const line of text.split(/\r?\n/)) {
    const value = line.slice(line.indexOf(':') + 1);
    if (line.startsWith('#EXT-X-TARGETDURATION:')) list.target = Number(value);
    else if (line.startsWith('#EXT-X-MEDIA-SEQUENCE:')) sequence = Number(value);
    else if (line.startsWith('#EXT-X-DISCONTINUITY-SEQUENCE:')) run = Number(value);
    else if (line === '#EXT-X-DISCONTINUITY') run += 1;
    else if (line === '#EXT-X-ENDLIST') list.ended = true;
    else if (line.startsWith('#EXT-X-MAP:')) map = new URL(parseAttributes(value).URI, base).href;
    else if (line.startsWith('#EXTINF:')) duration = parseFloat(value);
    else if (line && !line.startsWith('#')) {
      list.segments.push({ sequence: sequence++, run, duration, map, url: new URL(line, base).href });
    }
  }
  return list;
}

// Calls `found` for the boxes of `path` (types, outermost first), ISO/IEC 14496-12 section 4.2.
function findBoxes(view, path, found, from = 0, to = view.byteLength) {
  for (let at = from; at + 8 <= to;) {
    let size = view.getUint32(at);
    if (size === 0) size = to - at;
    if (size === 1 && at + 16 <= to) size = Number(view.getBigUint64(at + 8));
    if (size < 8 || at + size > to) return;
    const type = String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at + 4, 4));
    if (type === path[0]) {
      if (path.length === 1) found(at + 8, at + size);
      else findBoxes(view, path.slice(1), found, at + 8, at + size);
    }
    at += size;
  }
}

// Time scales by track, from an initialisation segment.
export function readTimescales(buffer) {
  const view = new DataView(buffer), scales = {};
  findBoxes(view, ['moov', 'trak'], (from, to) => {
    let track = 0, scale = 0;
    findBoxes(view, ['tkhd'], (at) => { track = view.getUint32(at + (view.getUint8(at) === 1 ? 20 : 12)); }, from, to);
    findBoxes(view, ['mdia', 'mdhd'], (at) => { scale = view.getUint32(at + (view.getUint8(at) === 1 ? 20 : 12)); }, from, to);
    if (track && scale) scales[track] = scale;
  });
  return scales;
}

// The earliest decode time of a segment, in seconds.
export function readStart(buffer, scales) {
  const view = new DataView(buffer);
  let start = Infinity;
  findBoxes(view, ['moof', 'traf'], (from, to) => {
    let track = 0;
    findBoxes(view, ['tfhd'], (at) => { track = view.getUint32(at + 4); }, from, to);
    findBoxes(view, ['tfdt'], (at) => {
      const ticks = view.getUint8(at) === 1 ? Number(view.getBigUint64(at + 4)) : view.getUint32(at + 4);
      if (scales[track]) start = Math.min(start, ticks / scales[track]);
    }, from, to);
  });
  return start;
}

async function load(url, kind) {
  const response = await fetch(url, { cache: kind === 'text' ? 'no-cache' : 'default' });
  if (!response.ok) throw new Error(`${response.status} for ${url}`);
  return response[kind]();
}

// One SourceBuffer and the playlist that feeds it.
class Feed {
  constructor(player, buffer, url) {
    Object.assign(this, { player, buffer, url, next: null, init: null, run: null, list: null, done: false });
  }

  settled() {
    return this.buffer.updating ? new Promise((done) => this.buffer.addEventListener('updateend', done, { once: true })) : Promise.resolve();
  }

  async append(data) {
    await this.settled();
    this.buffer.appendBuffer(data);
    await this.settled();
  }

  end() {
    const { buffered } = this.buffer;
    return buffered.length ? buffered.end(buffered.length - 1) : null;
  }

  async evict(now) {
    const { buffered } = this.buffer;
    if (!buffered.length || buffered.start(0) > now - 2 * kBehind) return;
    await this.settled();
    this.buffer.remove(0, now - kBehind);
    await this.settled();
  }

  async refresh() {
    this.list = parseMedia(await load(this.url, 'text'), this.url);
    const { segments, ended } = this.list;
    if (!segments.length) return;
    const first = segments[0].sequence, last = segments[segments.length - 1].sequence;
    if (this.next === null) this.next = ended ? first : Math.max(first, last + 1 - kHoldBack);
    if (this.next < first) this.next = Math.max(first, last + 1 - kHoldBack); // fell out of the window
    if (this.next > last + 1) this.next = Math.max(first, last + 1 - kHoldBack); // the stream began anew
  }

  // Fetches and appends the next segment; false when the playlist has none yet.
  async step() {
    const segment = this.list?.segments.find((s) => s.sequence === this.next);
    if (!segment) return false;
    if (segment.map !== this.init) {
      const data = await load(segment.map, 'arrayBuffer');
      this.scales = readTimescales(data);
      await this.append(data);
      this.init = segment.map;
    }
    const begun = performance.now();
    const data = await load(segment.url, 'arrayBuffer');
    this.player.measure(data.byteLength, performance.now() - begun);
    const start = readStart(data, this.scales);
    await this.settled();
    this.buffer.timestampOffset = this.player.offset(segment.run, start, this.end());
    await this.append(data);
    this.next += 1;
    return true;
  }

  async loop() {
    for (;;) {
      try {
        const now = this.player.video.currentTime;
        if ((this.end() ?? 0) - now > kAhead) { await sleep(500); continue; }
        await this.evict(now);
        this.player.adapt(this);
        if (await this.step()) continue;
        const complete = this.list?.ended && this.next > (this.list.segments.at(-1)?.sequence ?? -1);
        if (complete) { this.done = true; this.player.finish(); return; }
        const before = this.list?.segments.at(-1)?.sequence;
        await this.refresh();
        if (this.list.segments.at(-1)?.sequence === before) await sleep(this.list.target * 250);
      } catch (error) {
        this.player.say('Trying again');
        console.warn(error);
        await sleep(1500);
        await this.refresh().catch(() => {});
      }
    }
  }
}

export class CmafPlayer {
  constructor(video, url, say) {
    Object.assign(this, { video, url, say, speed: 0, offsets: new Map(), feeds: [], variant: null });
  }

  // What is added to the times of the segments of one run between discontinuities. The same for
  // sound and picture, so that they stay together.
  offset(run, start, end) {
    if (!this.offsets.has(run)) this.offsets.set(run, Number.isFinite(start) ? (end ?? 0) - start : 0);
    return this.offsets.get(run);
  }

  measure(bytes, milliseconds) {
    const now = (bytes * 8000) / Math.max(milliseconds, 1);
    this.speed = this.speed ? this.speed * 0.7 + now * 0.3 : now;
  }

  choose() {
    const height = this.video.clientHeight * (window.devicePixelRatio || 1) * 1.5;
    const fits = this.master.variants.filter((v) => v.bandwidth < this.speed * 0.7 && v.height <= Math.max(height, 360));
    return fits.at(-1) ?? this.master.variants[0];
  }

  // Rungs share sequence numbers and codecs' kinds: another one goes on where this one stopped.
  adapt(feed) {
    if (feed !== this.feeds[0] || !this.speed) return;
    const variant = this.choose();
    if (variant === this.variant) return;
    this.variant = variant;
    feed.url = variant.url;
    feed.list = null;
    const type = `video/mp4; codecs="${(variant.group ? variant.video : [...variant.video, ...variant.audio]).join(',')}"`;
    if (feed.buffer.changeType && MediaSource.isTypeSupported(type)) feed.buffer.changeType(type);
  }

  finish() {
    if (this.feeds.every((feed) => feed.done) && this.media.readyState === 'open') this.media.endOfStream();
  }

  // Moves into the buffered range at the start, and over holes.
  unstick() {
    const { video } = this, { buffered } = video;
    for (let i = 0; i < buffered.length; ++i) {
      const start = buffered.start(i);
      if (video.currentTime >= start - 0.05 && video.currentTime < buffered.end(i) - 0.1) return;
      if (start > video.currentTime) { video.currentTime = start + 0.01; return; }
    }
  }

  async run() {
    for (;;) {
      try {
        this.master = parseMaster(await load(this.url, 'text'), this.url);
        if (this.master.variants.length) break;
      } catch (error) {
        console.warn(error);
      }
      this.say('Waiting for the stream');
      await sleep(2000);
    }
    this.variant = this.master.variants[0];
    this.media = new MediaSource();
    this.video.src = URL.createObjectURL(this.media);
    await new Promise((done) => this.media.addEventListener('sourceopen', done, { once: true }));
    const audioUrl = this.variant.group && this.master.audio[this.variant.group];
    const main = audioUrl ? this.variant.video : [...this.variant.video, ...this.variant.audio];
    this.add(`video/mp4; codecs="${main.join(',')}"`, this.variant.url);
    if (audioUrl) this.add(`audio/mp4; codecs="${this.variant.audio.join(',')}"`, audioUrl);
    setInterval(() => { if (!this.video.seeking) this.unstick(); }, 250);
    for (const feed of this.feeds) feed.loop();
  }

  add(type, url) {
    if (!MediaSource.isTypeSupported(type)) { this.say(`This browser does not play ${type}`); return; }
    this.feeds.push(new Feed(this, this.media.addSourceBuffer(type), url));
  }
}
