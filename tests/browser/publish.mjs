// publish.mjs URL [--seconds N] [--wrong KEY] [--screenshot FILE]: uses the publisher's page in Chromium with its
// fake camera, by the keyboard alone, on a narrow screen. Prints one JSON object: what the page said and did.
import { chromium } from 'playwright-core';

const args = process.argv.slice(2);
const url = args.shift();
const options = { seconds: '5' };
while (args.length) options[args.shift().replace(/^--/, '')] = args.shift();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
    '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--disable-default-apps', '--autoplay-policy=no-user-gesture-required',
    ...(process.env.CHROMIUM_ARGUMENTS?.split(' ') ?? [])],
});
const errors = [];
const report = { errors };
try {
  const page = await browser.newPage({ viewport: { width: 360, height: 740 } });
  page.on('pageerror', (error) => errors.push(String(error)));
  const says = (text) => page.waitForFunction((wanted) => document.getElementById('status').textContent.includes(wanted), text, { timeout: 20000 });
  // Presses a control that has been reached by Tab.
  const press = async (id) => {
    for (let i = 0; i < 20 && (await page.evaluate(() => document.activeElement.id)) !== id; ++i) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
  };
  await page.goto(url, { waitUntil: 'load' });
  await page.waitForFunction(() => document.getElementById('preview').videoWidth > 0, null, { timeout: 20000 });
  await page.waitForFunction(() => document.getElementById('microphone').length > 0, null, { timeout: 20000 });
  report.address = page.url();
  report.overflow = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  report.devices = await page.evaluate(() => [document.getElementById('camera').length, document.getElementById('microphone').length]);
  if (options.wrong) {
    await page.fill('#key', options.wrong);
    await press('go');
    await page.waitForFunction(() => document.activeElement.id === 'key' && document.getElementById('go').textContent === 'Go live', null, { timeout: 20000 });
    report.refused = await page.textContent('#status');
  } else {
    await press('go');
    await says('Live');
    await page.waitForTimeout(Number(options.seconds) * 1000);
    report.level = await page.evaluate(() => new Promise((done) => {
      let loudest = 0;
      const watch = setInterval(() => { loudest = Math.max(loudest, document.getElementById('level').value); }, 50);
      setTimeout(() => { clearInterval(watch); done(loudest); }, 1500);
    }));
    report.figures = await page.textContent('#figures');
    await press('mute');
    report.muted = await page.getAttribute('#mute', 'aria-pressed');
    await page.waitForTimeout(3000);
    if (options.screenshot) await page.screenshot({ path: options.screenshot, fullPage: true });
    await press('go');
    await says('Not live');
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(report));
