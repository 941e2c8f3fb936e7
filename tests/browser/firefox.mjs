// Debian's Firefox, driven by WebDriver BiDi over its own WebSocket: what the tests use of Playwright's Page, under the
// same names. Nothing but Firefox and ws; a profile of its own that is removed at the end; nothing leaves the machine.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';

// On top of what Firefox sets by itself when it is driven (remote.prefs.recommended): no updates, no telemetry.
const kPreferences = {
  'media.autoplay.default': 0,
  'media.gmp-manager.updateEnabled': false,
  'media.gmp-provider.enabled': false,
  'media.navigator.permission.disabled': true,
  'media.navigator.streams.fake': true,
  'media.peerconnection.ice.loopback': true,
  'network.proxy.type': 0,
  'remote.prefs.recommended': true,
};
const kKeys = { Tab: '\uE004', Enter: '\uE007', Space: ' ', Escape: '\uE00C', ArrowDown: '\uE015', Shift: '\uE008' };
const kStart = 60000, kEnd = 10000;

// Commands and events of one connection.
class Wire {
  constructor(socket) {
    Object.assign(this, { socket, last: 0, open: new Map(), listeners: [] });
    socket.on('message', (data) => {
      const message = JSON.parse(data);
      if (message.type === 'event') return this.listeners.forEach((listener) => listener(message));
      const waiting = this.open.get(message.id);
      this.open.delete(message.id);
      if (message.type === 'success') waiting?.done(message.result);
      else waiting?.failed(new Error(`${waiting.method}: ${message.error}: ${message.message}`));
    });
    socket.on('close', () => {
      for (const { method, failed } of this.open.values()) failed(new Error(`${method}: Firefox is gone`));
    });
  }

  static async to(url) {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    await new Promise((done, failed) => { socket.once('open', done).once('error', failed); });
    return new Wire(socket);
  }

  ask(method, params = {}) {
    return new Promise((done, failed) => {
      this.open.set(++this.last, { method, done, failed });
      this.socket.send(JSON.stringify({ id: this.last, method, params }));
    });
  }
}

class Page {
  constructor(wire, context) {
    Object.assign(this, { wire, context });
    this.keyboard = { press: (key) => this.press(key) };
  }

  ask(method, params) {
    return this.wire.ask(method, { context: this.context, ...params });
  }

  async addInitScript(what) {
    await this.wire.ask('script.addPreloadScript', { functionDeclaration: `${what}`, contexts: [this.context] });
  }

  async goto(url) {
    await this.ask('browsingContext.navigate', { url, wait: 'complete' });
  }

  // Values pass as JSON, both ways.
  async evaluate(what, argument = null) {
    const { exceptionDetails, result } = await this.wire.ask('script.callFunction', {
      functionDeclaration: `async (argument) => JSON.stringify(await (${what})(JSON.parse(argument))) ?? 'null'`,
      arguments: [{ type: 'string', value: JSON.stringify(argument) }],
      target: { context: this.context },
      awaitPromise: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.text);
    return JSON.parse(result.value);
  }

  async waitForFunction(what, argument, { timeout }) {
    for (const end = Date.now() + timeout; !(await this.evaluate(what, argument)); await this.waitForTimeout(100))
      if (Date.now() > end) throw new Error(`in vain for ${timeout} ms: ${what} of ${JSON.stringify(argument)}`);
  }

  waitForTimeout(time) {
    return new Promise((done) => { setTimeout(done, time); });
  }

  // A key by its name, as in "Shift+Tab".
  async press(keys) {
    const names = keys.split('+').map((name) => kKeys[name] ?? name);
    const actions = [...names.map((value) => ({ type: 'keyDown', value })), ...names.reverse().map((value) => ({ type: 'keyUp', value }))];
    await this.ask('input.performActions', { actions: [{ type: 'key', id: 'keyboard', actions }] });
  }

  async screenshot({ path, fullPage = false }) {
    const { data } = await this.ask('browsingContext.captureScreenshot', { origin: fullPage ? 'document' : 'viewport' });
    writeFileSync(path, Buffer.from(data, 'base64'));
  }
}

// The process, once it says where it listens.
function started(profile, program) {
  const firefox = spawn(program, ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0', 'about:blank'],
    { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: profile, MOZ_CRASHREPORTER_DISABLE: '1' } });
  const url = new Promise((done, failed) => {
    let said = '';
    const late = setTimeout(() => failed(new Error(`${program} is not ready after ${kStart / 1000} s: ${said}`)), kStart);
    firefox.stderr.on('data', (text) => {
      said += text;
      const found = /WebDriver BiDi listening on (ws:\S+)/.exec(said);
      if (!found) return;
      clearTimeout(late);
      done(`${found[1]}/session`);
    });
    firefox.once('exit', (code) => failed(new Error(`${program} ended with ${code}: ${said}`)));
    firefox.once('error', failed);
  });
  return { firefox, url };
}

// launch(): a page, what its scripts threw (errors) and what the console says is wrong (complaints), and what ends all.
export async function launch({ width = 1280, height = 800, dark = false, preferences: more = {} } = {}) {
  const profile = mkdtempSync(join(tmpdir(), 'firefox-'));
  const preferences = { ...kPreferences, ...more, 'layout.css.prefers-color-scheme.content-override': dark ? 0 : 1 };
  const lines = Object.entries(preferences).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`);
  writeFileSync(join(profile, 'user.js'), lines.join(''));
  const { firefox, url } = started(profile, process.env.FIREFOX ?? 'firefox-esr');
  let wire = null;
  const close = async () => {
    const ended = new Promise((done) => { firefox.once('exit', done); });
    if (firefox.exitCode === null && firefox.signalCode === null) {
      if (wire) wire.ask('browser.close').catch(() => {});
      else firefox.kill();
      const late = setTimeout(() => firefox.kill('SIGKILL'), kEnd);
      await ended;
      clearTimeout(late);
    }
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    wire = await Wire.to(await url);
    await wire.ask('session.new', { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } });
    // The tab that Firefox begins with leaves the keyboard to the field of addresses.
    const { context } = await wire.ask('browsingContext.create', { type: 'tab' });
    const page = new Page(wire, context);
    const errors = [], complaints = [];
    wire.listeners.push(({ method, params }) => {
      if (method !== 'log.entryAdded' || params.level !== 'error') return;
      (params.type === 'javascript' ? errors : complaints).push(`${params.text} ${params.stackTrace?.callFrames[0]?.url ?? ''}`);
    });
    await wire.ask('session.subscribe', { events: ['log.entryAdded'] });
    await page.ask('browsingContext.setViewport', { viewport: { width, height } });
    return { page, errors, complaints, close };
  } catch (error) {
    await close();
    throw error;
  }
}
