/** Looks at the screen that is shown now: readable by machines (axe), nothing too small to read or to touch, nothing wider than the screen. */
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { join } from 'node:path';
import { expect, test } from './test.ts';

const widths = [
  { width: 390, height: 844 },
  { width: 1280, height: 800 },
] as const;
const schemes = ['light', 'dark'] as const;
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const pictures = process.env['SCREENS'];

/** What is wrong with the layout of what is visible now, in words. Runs in the page. */
function layoutFaults(touch: boolean): string[] {
  const faults: string[] = [];
  const called = (element: Element): string =>
    `<${element.localName} class="${element.getAttribute('class') ?? ''}"> "${(element.getAttribute('aria-label') ?? element.textContent).trim().slice(0, 40)}"`;
  const seen = (element: Element): boolean =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
    !element.closest('.visually-hidden, [aria-hidden="true"]');
  for (const element of document.querySelectorAll('body, body *')) {
    if (!element.checkVisibility() || element.closest('svg, .visually-hidden')) continue;
    const scrolls = /auto|scroll/.test(getComputedStyle(element).overflowX) || element === document.body;
    if (scrolls && element.scrollWidth > element.clientWidth) faults.push(`scrolls sideways: ${called(element)}`);
    const { left, right, width } = element.getBoundingClientRect();
    // What a line has no room for is cut off there, with three dots.
    const line = element.parentElement && getComputedStyle(element.parentElement).textOverflow === 'ellipsis';
    if (!line && width > 0 && (left < -0.5 || right > innerWidth + 0.5))
      faults.push(`wider than the screen: ${called(element)}`);
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { parentElement: parent, textContent } = texts.currentNode;
    if (!parent || !textContent?.trim() || !seen(parent)) continue;
    const size = parseFloat(getComputedStyle(parent).fontSize);
    if (size < 14) faults.push(`text of ${size} px: ${called(parent)}`);
  }
  // Less motion was asked for.
  for (const animation of document.getAnimations()) {
    const { duration } = animation.effect?.getComputedTiming() ?? {};
    if (typeof duration === 'number' && duration > 10) faults.push(`moves for ${duration} ms: ${animation.playState}`);
  }
  if (touch)
    for (const control of document.querySelectorAll('button, a[href]:not(.rich a), input, textarea, [role="button"]')) {
      const labelled =
        control instanceof HTMLInputElement &&
        (control.classList.contains('visually-hidden') || /checkbox|radio/.test(control.type));
      const target = labelled ? control.labels?.[0] : control;
      if (!target?.checkVisibility()) continue;
      const { width, height } = target.getBoundingClientRect();
      // The placing of a pixel may cost a hundredth of it.
      if (width < 43.9 || height < 43.9)
        faults.push(`target of ${Math.round(width)} x ${Math.round(height)} px: ${called(target)}`);
    }
  return faults;
}

/**
 * In both sizes and both themes; `SCREENS=folder` keeps a picture of each.
 * @param panes something in it is only seen where two panes stand beside each other.
 */
export async function look(page: Page, name: string, { panes = false } = {}): Promise<void> {
  await test.step(name, async () => {
    for (const viewport of widths) {
      await page.setViewportSize(viewport);
      for (const colorScheme of schemes) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        const where = `${name}, ${viewport.width} px, ${colorScheme}`;
        if (pictures)
          await page.screenshot({
            path: join(pictures, `${name.replaceAll(' ', '-')}-${viewport.width}-${colorScheme}.png`),
          });
        // Colours are all that differs in the dark, and they are the same in both sizes where the same is seen.
        if (colorScheme === 'light' || viewport.width === 390 || panes) {
          const axe = new AxeBuilder({ page }).setLegacyMode();
          // A menu floats at the end of the page, outside of its landmarks; the focus leads there and back.
          if (await page.getByRole('menu').count()) axe.disableRules('region');
          const { violations } = await (
            colorScheme === 'light' ? axe.withTags(rules) : axe.withRules('color-contrast')
          ).analyze();
          const found = violations.map(
            ({ id, nodes }) =>
              `${id}: ${nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary ?? ''}`).join('\n')}`,
          );
          expect.soft(found, where).toEqual([]);
        }
        if (colorScheme === 'light')
          expect.soft(await page.evaluate(layoutFaults, viewport.width === 390), where).toEqual([]);
      }
    }
  });
}
