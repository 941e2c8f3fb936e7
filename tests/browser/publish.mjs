// publish.mjs URL [--seconds N] [--wrong KEY] [--screenshot FILE]: uses the publisher's page in the browser
// (Chromium, or Firefox where BROWSER says so) with its fake camera, by the keyboard alone, on a narrow screen. Prints one
// JSON object: what the page said and did.
import { launch, options_of } from './browser.mjs';

const args = process.argv.slice(2);
const url = args.shift();
const options = options_of(args, { seconds: '5' });
const { page, errors, close } = await launch({ width: 360, height: 740, camera: true });
const report = { errors };
try {
  const says = (text) => page.waitForFunction((wanted) => document.getElementById('status').textContent.includes(wanted), text, { timeout: 20000 });
  // Presses a control that has been reached by Tab, which does not lead out of the page.
  const press = async (id) => {
    const key = () => page.evaluate((wanted) => {
      const to = document.getElementById(wanted), from = document.activeElement;
      if (from === to) return 'Enter';
      return from.compareDocumentPosition(to) & Node.DOCUMENT_POSITION_PRECEDING ? 'Shift+Tab' : 'Tab';
    }, id);
    for (let i = 0, next = ''; i < 20 && next !== 'Enter'; ++i) await page.keyboard.press(next = await key());
  };
  await page.goto(url);
  await page.waitForFunction(() => document.getElementById('preview').videoWidth > 0, null, { timeout: 20000 });
  await page.waitForFunction(() => document.getElementById('microphone').length > 0, null, { timeout: 20000 });
  report.address = await page.evaluate(() => location.href);
  report.overflow = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  report.devices = await page.evaluate(() => [document.getElementById('camera').length, document.getElementById('microphone').length]);
  if (options.wrong) {
    await page.evaluate((wrong) => { document.getElementById('key').value = wrong; }, options.wrong);
    await press('go');
    await page.waitForFunction(() => document.activeElement.id === 'key' && document.getElementById('go').textContent === 'Go live', null, { timeout: 20000 });
    report.refused = await page.evaluate(() => document.getElementById('status').textContent);
  } else {
    await press('go');
    await says('Live');
    await page.waitForTimeout(Number(options.seconds) * 1000);
    report.level = await page.evaluate(() => new Promise((done) => {
      let loudest = 0;
      const watch = setInterval(() => { loudest = Math.max(loudest, document.getElementById('level').value); }, 50);
      setTimeout(() => { clearInterval(watch); done(loudest); }, 1500);
    }));
    report.figures = await page.evaluate(() => document.getElementById('figures').textContent);
    await press('mute');
    report.muted = await page.evaluate(() => document.getElementById('mute').getAttribute('aria-pressed'));
    await page.waitForTimeout(3000);
    if (options.screenshot) await page.screenshot({ path: options.screenshot, fullPage: true });
    await press('go');
    await says('Not live');
  }
} finally {
  await close();
}
console.log(JSON.stringify(report));
