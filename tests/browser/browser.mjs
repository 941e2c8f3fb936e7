// The browser that the tests drive: Chromium by Playwright, or Firefox where BROWSER=firefox.
import { launch as launchFirefox } from './firefox.mjs';

// More arguments for one's own purpose: CHROMIUM_ARGUMENTS.
async function launchChromium({ width = 1280, height = 800, dark = false, camera = false }) {
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-default-apps',
      '--autoplay-policy=no-user-gesture-required',
      ...(camera ? ['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream'] : ['--mute-audio']),
      ...(process.env.CHROMIUM_ARGUMENTS?.split(' ') ?? [])],
  });
  try {
    const page = await browser.newPage({ viewport: { width, height }, colorScheme: dark ? 'dark' : 'light' });
    const errors = [], complaints = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => { if (message.type() === 'error') complaints.push(`${message.text()} ${message.location().url}`); });
    return { page, errors, complaints, close: () => browser.close() };
  } catch (error) {
    await browser.close();
    throw error;
  }
}

// launch({ width, height, dark, camera }): a page with a fake camera and microphone where `camera` says so, what its
// scripts threw (errors) and what the console says is wrong (complaints), and what ends all (close).
export function launch(options = {}) {
  return process.env.BROWSER === 'firefox' ? launchFirefox(options) : launchChromium(options);
}

// The newest peer connection of a page that is opened afterwards, as globalThis.connection.
export function keep_connection(page) {
  return page.addInitScript(() => {
    const Plain = RTCPeerConnection;
    globalThis.RTCPeerConnection = class extends Plain {
      constructor(...given) {
        super(...given);
        globalThis.connection = this;
      }
    };
  });
}

// The words after the address: --name value, and --name alone for the switches.
export function options_of(args, defaults, switches = []) {
  const options = { ...defaults };
  while (args.length) {
    const name = args.shift().replace(/^--/, '');
    options[name] = switches.includes(name) ? true : args.shift();
  }
  return options;
}
